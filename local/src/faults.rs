//! Faults of the simulated tenant that one can ask for by name.

use std::fmt;

use simulator::{Fault, Kind};

/// A fault with a name.
pub struct Preset {
    pub name: &'static str,
    /// What the tenant does then.
    pub summary: &'static str,
    fault: fn() -> Fault,
}

impl Preset {
    /// The faults as the simulator takes them: met by `times` requests, 0 for all, to paths that begin with `path`; those of the APIs by any
    /// request to one, but none for a token.
    pub fn faults(&self, times: Option<u32>, path: Option<&str>) -> Vec<Fault> {
        let mut fault = (self.fault)();
        fault.times = times.or(fault.times);
        let paths = match (path, &fault.kind) {
            (Some(path), _) => &[path][..],
            (None, Kind::Entra { .. }) => return vec![fault],
            (None, _) => API_PATHS,
        };
        let to = |path: &&str| fault.clone().path(path);
        paths.iter().map(to).collect()
    }
}

/// Where Microsoft Graph is, and where the other two APIs are.
const API_PATHS: &[&str] = &["/v1.0/", "/api/"];

impl fmt::Debug for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "throttled",
        summary: "429 with Retry-After: 2, for two requests",
        fault: || Fault::from(Kind::throttle(2)).times(2),
    },
    Preset {
        name: "throttled-for-long",
        summary: "429 with Retry-After: 600, until cleared",
        fault: || Fault::from(Kind::throttle(600)).times(0),
    },
    Preset {
        name: "unavailable",
        summary: "503, until cleared",
        fault: || Fault::from(Kind::status(503)).times(0),
    },
    Preset {
        name: "forbidden",
        summary: "403, until cleared",
        fault: || Fault::from(Kind::status(403)).times(0),
    },
    Preset {
        name: "slow",
        summary: "each answer two seconds later, until cleared",
        fault: || Fault::from(Kind::Delay { milliseconds: 2000 }).times(0),
    },
    Preset {
        name: "hanging",
        summary: "no answer at all, until cleared",
        fault: || Fault::from(Kind::Hang).times(0),
    },
    Preset {
        name: "cut-off",
        summary: "one answer breaks off after 200 bytes",
        fault: || Kind::CutBody { after_bytes: 200 }.into(),
    },
    Preset {
        name: "not-json",
        summary: "one answer is a page of HTML",
        fault: || Kind::NotJson.into(),
    },
    Preset {
        name: "other-shape",
        summary: "one answer is JSON of another shape",
        fault: || Kind::WrongShape { body: None }.into(),
    },
    Preset {
        name: "closed",
        summary: "one connection is closed without an answer, and nothing was done",
        fault: || Kind::DropBefore.into(),
    },
    Preset {
        name: "pages-hidden",
        summary: "no page of a list names the next, until cleared",
        fault: || Fault::from(Kind::MissingNextLink).times(0),
    },
    Preset {
        name: "lost-answer",
        summary: "a change is made, and its answer lost",
        fault: || Fault::from(Kind::DropAfter).method("POST"),
    },
    Preset {
        name: "wrong-secret",
        summary: "Entra refuses the client secret (AADSTS7000215), until cleared",
        fault: || Fault::from(Kind::Entra { code: 7_000_215 }).times(0),
    },
    Preset {
        name: "expired-secret",
        summary: "Entra says that the client secret has expired (AADSTS7000222), until cleared",
        fault: || Fault::from(Kind::Entra { code: 7_000_222 }).times(0),
    },
    Preset {
        name: "no-consent",
        summary: "Entra does not know the app in the tenant (AADSTS700016), until cleared",
        fault: || Fault::from(Kind::Entra { code: 700_016 }).times(0),
    },
];

/// The preset of that name.
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
