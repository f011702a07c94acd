//! What is known around a viewer: preflights, other viewers, our own fetch of the same stream, marks on the timeline.

use super::lane::Event;
use crate::lenient::{names, sample};

names! {
    /// Who measured.
    Side {
        /// The page with the player.
        Viewer,
        /// The console.
        Agent,
    }
}

sample! { "camelCase",
    /// One direction of the echo with the server.
    EchoSample {
        /// Share of packets lost, 0 to 1.
        loss: f64,
        /// ms.
        jitter_ms: f64,
    }
}

sample! { "camelCase",
    /// A fetch of a second from the host that the player uses.
    ProbeFetch {
        /// First byte, ms.
        ttfb_ms: f64,
        /// Rate of the body, kbit/s.
        kbps: f64,
        /// Status of the answer.
        status: f64,
        /// Why it failed.
        error: super::page::FetchError,
        /// Host.
        host: String,
    }
}

sample! { "camelCase",
    /// A preflight: a few seconds of measuring the line itself, without the player.
    Preflight {
        /// When it was over, ms since the Unix epoch.
        t: f64,
        /// Whose line; the viewer's if absent.
        side: Side,
        /// A UDP answer of the server came.
        udp_reachable: bool,
        /// Round trip to the server with nothing else under way, ms.
        rtt_ms: f64,
        /// Round trip while the line was loaded, ms.
        loaded_rtt_ms: f64,
        /// To the server.
        up: EchoSample,
        /// From the server.
        down: EchoSample,
        /// What the line carried from our own server, kbit/s.
        line_kbps: f64,
        /// From the player's host.
        fetch: ProbeFetch,
    }
}

impl Event for Preflight {
    fn t_ms(&self) -> f64 {
        self.t.unwrap_or(f64::NAN)
    }
}

names! {
    /// What the others have in common with this viewer.
    Scope {
        /// The host that the player fetches from.
        Edge,
        /// What is watched.
        Stream,
        /// The access network.
        Network,
        /// Where they are.
        Region,
        /// The kind of device or browser.
        Device,
        /// The decoder.
        Decoder,
        /// The server process that carries the call.
        Node,
    }
}

sample! { "camelCase",
    /// How others fared in the minutes before `t`: those who share one thing with this viewer, without this viewer.
    Others {
        /// When it was counted, ms since the Unix epoch.
        t: f64,
        /// What they share.
        scope: Scope,
        /// Those of them with trouble.
        affected: f64,
        /// All of them that were heard of.
        total: f64,
        /// The share that usually has trouble, 0 to 1.
        baseline: f64,
    }
}

impl Event for Others {
    fn t_ms(&self) -> f64 {
        self.t.unwrap_or(f64::NAN)
    }
}

sample! { "camelCase",
    /// Our own fetch of a segment that the viewer played.
    Reference {
        /// When, ms since the Unix epoch.
        t: f64,
        /// Status of the answer.
        status: f64,
        /// Why it failed.
        error: super::page::FetchError,
        /// First byte, ms.
        ttfb_ms: f64,
        /// Whole request, ms.
        duration_ms: f64,
        /// Of the body.
        bytes: f64,
        /// Media in it, s.
        media_s: f64,
        /// Share of the pictures like the one before, 0 to 1.
        frozen: f64,
        /// Share that is black.
        black: f64,
        /// Share that is corrupt, or decoder errors a frame.
        corrupt: f64,
        /// The stream has moved in earlier segments: a picture that stands still is not its nature.
        moved_before: bool,
        /// The newest segment of the playlist is older than it should be by this much, s.
        stale_s: f64,
    }
}

impl Event for Reference {
    fn t_ms(&self) -> f64 {
        self.t.unwrap_or(f64::NAN)
    }
}

names! {
    /// What a mark says.
    MarkKind {
        /// Our share began to send.
        ShareStarted,
        /// It ended.
        ShareEnded,
        /// A picture is not meant to come.
        Muted,
        /// It is meant to come again.
        Unmuted,
        /// The page is hidden.
        Hidden,
        /// It is seen again.
        Visible,
        /// Another layer or size was chosen.
        LayerChanged,
        /// The path changed.
        NetworkChanged,
        /// Help was offered after a long stall.
        HelpOffered,
        /// It would have been, but for the draw of those who are left alone.
        HelpWithheld,
        /// The viewer took it.
        HelpTaken,
    }
}

sample! { "camelCase",
    /// A moment that explains what follows.
    Mark {
        /// When, ms since the Unix epoch.
        t: f64,
        /// What.
        kind: MarkKind,
        /// At which end; the viewer's if absent.
        side: Side,
    }
}

impl Event for Mark {
    fn t_ms(&self) -> f64 {
        self.t.unwrap_or(f64::NAN)
    }
}
