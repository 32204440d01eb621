//! Faults on demand: which requests they meet, how often, and what then happens.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::request::Request;

/// A fault and the requests that it meets. Every condition left out is met; of several faults that match, the first still
/// live one acts. `{"kind":"throttle","retryAfter":2,"path":"/v1.0/","times":3}`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A prefix of the raw path; `/` is AWS's Security Token Service alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A part of the decoded query, `$skip=50`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// A tenant's GUID or domain: of the token for an API call, of the path for a token call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// This part of the matching requests is met, from 0 to 1, drawn by `seed`; the others go on to the next fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    #[serde(default)]
    pub seed: u64,
    /// So many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// So many are then met; 0 is for ever. Left out: once, but for ever with `expandFails` or a `share`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// So many were met so far.
    #[serde(default, skip_deserializing)]
    pub met: u32,
    #[serde(flatten)]
    pub kind: Kind,
}

/// What a fault does.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Kind {
    /// 429, but 400 as AWS says it. `form` is guessed from the path; `message` replaces the usual text.
    Throttle {
        retry_after: Option<RetryAfter>,
        form: Option<Form>,
        message: Option<String>,
    },
    /// 401 in the API's form, with `WWW-Authenticate`.
    Unauthorized,
    /// Any status; without `body`, the API's error shape with `code`.
    Status {
        status: u16,
        #[serde(default)]
        headers: Vec<(String, String)>,
        body: Option<String>,
        code: Option<String>,
    },
    /// What was asked is done, then this status is answered all the same, in the API's error shape.
    StatusAfter { status: u16 },
    /// The usual answer, later.
    Delay { milliseconds: u64 },
    /// No answer ever, on an open connection.
    Hang,
    /// The length of the whole answer, `after_bytes` of it, then a broken connection.
    CutBody { after_bytes: usize },
    /// So many bytes of the answer; the rest once the faults are cleared.
    Stall { after_bytes: usize },
    /// `content-encoding: gzip`, asked for or not.
    Gzip,
    /// 200 with an empty body.
    Empty,
    /// 200 with a page of HTML.
    NotJson,
    /// 200 with JSON that has another shape; `[]` unless `body` says otherwise.
    WrongShape { body: Option<serde_json::Value> },
    /// The connection is closed and nothing was done.
    DropBefore,
    /// What was asked is done, then the connection is closed without an answer.
    DropAfter,
    /// 302 to another place.
    Redirect { to: String },
    /// A page that has a successor does not say so.
    MissingNextLink,
    /// The next page lies at another origin.
    NextLinkTo { origin: String },
    /// 500 for a list with `$expand=alerts` if the page holds one of the incidents or more than so many; without either, always.
    ExpandFails {
        #[serde(default)]
        incidents: Vec<String>,
        page_larger_than: Option<usize>,
    },
    /// Entra refuses the token call with this AADSTS number.
    Entra { code: u32 },
}

/// The `Retry-After` of a 429.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum RetryAfter {
    Seconds(u64),
    /// An HTTP date so many seconds from the machine's (not the simulator's) now.
    HttpDate {
        http_date_in_seconds: i64,
    },
}

/// Whose way of saying 429.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    Graph,
    Defender,
    Entra,
    Aws,
}

impl Form {
    /// The API that a path belongs to.
    pub(crate) fn of(path: &str) -> Form {
        match path.trim_start_matches('/').split('/').next() {
            Some("v1.0") => Form::Graph,
            Some("api") => Form::Defender,
            Some("") => Form::Aws,
            _ => Form::Entra,
        }
    }
}

impl From<Kind> for Fault {
    fn from(kind: Kind) -> Fault {
        Fault {
            method: None,
            path: None,
            query: None,
            tenant: None,
            share: None,
            seed: 0,
            skip: 0,
            times: None,
            met: 0,
            kind,
        }
    }
}

impl Fault {
    pub fn method(mut self, method: &str) -> Fault {
        self.method = Some(method.into());
        self
    }

    pub fn path(mut self, prefix: &str) -> Fault {
        self.path = Some(prefix.into());
        self
    }

    pub fn query(mut self, part: &str) -> Fault {
        self.query = Some(part.into());
        self
    }

    pub fn tenant(mut self, id_or_domain: &str) -> Fault {
        self.tenant = Some(id_or_domain.into());
        self
    }

    /// Meets this part of the matching requests, from 0 to 1, the same ones for the same seed.
    pub fn share(mut self, share: f64, seed: u64) -> Fault {
        self.share = Some(share);
        self.seed = seed;
        self
    }

    pub fn skip(mut self, matches: u32) -> Fault {
        self.skip = matches;
        self
    }

    /// Whether the next matching request is one of the share.
    fn draws(&mut self) -> bool {
        let Some(share) = self.share else {
            return true;
        };
        // SplitMix64: the seed moves on with every draw.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64 <= share && share > 0.0
    }

    /// 0 is for ever.
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }
}

impl Kind {
    /// 429 with `Retry-After` in seconds, in the form of the API that was called.
    pub fn throttle(seconds: u64) -> Kind {
        Kind::Throttle {
            retry_after: Some(RetryAfter::Seconds(seconds)),
            form: None,
            message: None,
        }
    }

    /// A bare status in the API's error shape.
    pub fn status(status: u16) -> Kind {
        Kind::Status {
            status,
            headers: Vec::new(),
            body: None,
            code: None,
        }
    }

    /// The same after what was asked has been done.
    pub fn status_after(status: u16) -> Kind {
        Kind::StatusAfter { status }
    }
}

/// The live faults, in the order in which they were injected, and who waits for their end.
#[derive(Debug, Default)]
pub(crate) struct Faults(pub Vec<Fault>, watch::Sender<()>);

impl Faults {
    /// Ends all of them.
    pub fn clear(&mut self) {
        self.0.clear();
        self.1.send_replace(());
    }

    /// Ends one of them; an answer that stalled goes on as if all were ended.
    pub fn end(&mut self, place: usize) {
        if place < self.0.len() {
            self.0.remove(place);
            self.1.send_replace(());
        }
    }

    /// Waits until the faults are cleared the next time.
    pub fn cleared(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut clearings = self.1.subscribe();
        async move { drop(clearings.changed().await) }
    }

    /// The first fault that meets this request; counts it. `tenant` tells whether a fault's tenant is the request's.
    pub fn meet(&mut self, request: &Request, tenant: impl Fn(&str) -> bool) -> Option<Kind> {
        self.first(request, tenant, |kind| match kind {
            // These two are asked later, when the page is known.
            Kind::ExpandFails { .. } => false,
            Kind::Entra { .. } => {
                Form::of(&request.path) == Form::Entra && request.path.ends_with("/token")
            }
            _ => true,
        })
    }

    /// True if `$expand=alerts` is to fail for a page of these incidents.
    pub fn expand_fails(
        &mut self,
        request: &Request,
        ids: &[&str],
        tenant: impl Fn(&str) -> bool,
    ) -> bool {
        let struck = self.first(request, tenant, |kind| match kind {
            Kind::ExpandFails {
                incidents,
                page_larger_than,
            } => {
                (incidents.is_empty() && page_larger_than.is_none())
                    || incidents.iter().any(|id| ids.contains(&id.as_str()))
                    || page_larger_than.is_some_and(|most| ids.len() > most)
            }
            _ => false,
        });
        struck.is_some()
    }

    fn first(
        &mut self,
        request: &Request,
        tenant: impl Fn(&str) -> bool,
        applies: impl Fn(&Kind) -> bool,
    ) -> Option<Kind> {
        let met = |fault: &Fault| {
            applies(&fault.kind)
                && fault
                    .method
                    .as_ref()
                    .is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
                && fault.path.as_ref().is_none_or(|path| match path.as_str() {
                    "/" => request.path == "/",
                    prefix => request.path.starts_with(prefix),
                })
                && fault
                    .query
                    .as_ref()
                    .is_none_or(|part| request.decoded_query().contains(part.as_str()))
                && fault.tenant.as_ref().is_none_or(|id| tenant(id))
        };
        for index in 0..self.0.len() {
            let fault = &mut self.0[index];
            if !met(fault) || !fault.draws() {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            let kind = fault.kind.clone();
            let lasting = fault.share.is_some() || matches!(kind, Kind::ExpandFails { .. });
            fault.met += 1;
            let times = fault.times.unwrap_or(u32::from(!lasting));
            match times {
                0 => {}
                1 => drop(self.0.remove(index)),
                more => fault.times = Some(more - 1),
            }
            return Some(kind);
        }
        None
    }
}
