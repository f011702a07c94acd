# The repository's commands. Each installs what it lacks, says so, and shows its steps; scripts/ holds how.

.PHONY: help demo test check fuzz bench loadtest connect-time corpus screenshots story clean-data

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

demo: ## Build the server and its pages, run the demo on http://127.0.0.1:8080 (PORT=, DATA=, LAN=1)
	@PORT='$(PORT)' DATA='$(DATA)' LAN='$(LAN)' exec bash scripts/demo.sh

test: ## Everything that CI runs: checks, all Rust tests, browser tests
	@exec bash scripts/test.sh

check: ## The quick part: format, lints, tidy, types, unit tests
	@exec bash scripts/check.sh

fuzz: ## Fuzz every parser (SECONDS_EACH=15 each; MERGE=1 keeps what is new in fuzz/corpus)
	@exec bash scripts/fuzz.sh

bench: ## Benches; their figures are ratios within one run
	@exec bash scripts/bench.sh

loadtest: ## Storm, idle, connect and an overload against an optimised server, into target/loadtest/ (ONLY=, TLS=1; some 8 minutes)
	@ONLY='$(ONLY)' TLS='$(TLS)' exec bash scripts/loadtest.sh

connect-time: ## Measure connects in real browsers over a network laboratory (N=, ONLY=; root; most of an hour)
	@exec bash scripts/connect-time.sh

corpus: ## Record what the diagnosis corpus lacks (N=, CALLS=, SEATS=; root; some hours from nothing) and its figures anew
	@N='$(N)' CALLS='$(CALLS)' SEATS='$(SEATS)' exec bash scripts/corpus.sh

screenshots: ## Make docs/img/ anew
	@exec bash scripts/screenshots.sh

story: ## Film the story, and make the screenshots, into docs/img/
	@exec bash scripts/story.sh

clean-data: ## Forget the demo's data
	@rm -rf data/demo && echo "data/demo is gone"
