// Makes the contents: node cdn/make.mjs CACHE [CONTENT …]

import { CONTENTS, makeContents } from './contents.mjs';

const [cache, ...contents] = process.argv.slice(2);
if (!cache) {
  console.error('usage: node cdn/make.mjs CACHE [CONTENT …]');
  process.exit(2);
}
await makeContents(cache, contents.length > 0 ? contents : CONTENTS, (text) => console.log(text));
