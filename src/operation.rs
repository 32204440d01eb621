//! What an operation is, and the erased entry under which the table lists it.

use std::{fmt, future::Future, pin::Pin};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    api::Api,
    call::Call,
    client::Room,
    error::{Error, Result},
    input::Input,
};

/// One operation: a struct whose fields are its input and whose `run` is all it does.
pub trait Operation: DeserializeOwned + JsonSchema + Send {
    /// What it answers, for those who describe it.
    type Answers: JsonSchema;
    /// `verb_noun`: the function's `Handler`, its event file and its name in the log.
    const NAME: &'static str;
    /// One line for people who look for an operation.
    const SUMMARY: &'static str;
    const GROUP: Group;
    /// The HTTP method and path; `{id}` in the path is the input's `id`.
    const ROUTE: (&'static str, &'static str);
    /// Whether it changes anything at Microsoft.
    const CHANGES: bool = false;
    /// Whether `tenantId` is what it is about, as an id is elsewhere, and not whose data it asks for.
    const TENANT_IS_SUBJECT: bool = false;
    /// How a person sees the outcome who comes by HTTP; callers read JSON.
    const PAGE: Option<Render> = None;
    const PERMISSIONS: Permissions;

    fn run(self, call: &Call<'_>) -> impl Future<Output = Result<Answer>> + Send;
}

/// Writes the page of an outcome, with the id of the invocation.
pub type Render = fn(std::result::Result<&Answer, &Error>, &str) -> Page;

/// A page of HTML, and all that a browser may load for it.
pub struct Page {
    pub html: String,
    /// The value of `Content-Security-Policy`.
    pub policy: String,
}

/// The application permissions of which any one suffices, least privileged first; none where an API lacks the operation.
///
/// Microsoft Graph and the Defender XDR API offer the same incidents and hunting; what the Endpoint API offers, it offers alone.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    pub graph: &'static [&'static str],
    pub xdr: &'static [&'static str],
    pub endpoint: &'static [&'static str],
    /// Of these, too, one is needed; none where the former suffice.
    pub also: &'static [&'static str],
    /// Whether the app has to prove who it is at all.
    pub of_app: bool,
}

impl Permissions {
    /// Of an operation that asks nothing of Microsoft.
    pub const fn none() -> Self {
        Self {
            of_app: false,
            ..Self::any()
        }
    }

    /// Of an operation that looks at what the app's tokens permit, whatever that is.
    pub const fn any() -> Self {
        Self::endpoint(&[])
    }

    /// Whether it needs no particular permission.
    pub fn is_none(&self) -> bool {
        [self.graph, self.xdr, self.endpoint]
            .iter()
            .all(|any_of| any_of.is_empty())
    }

    /// Of an operation of the Endpoint API.
    pub const fn endpoint(any_of: &'static [&'static str]) -> Self {
        Self {
            graph: &[],
            xdr: &[],
            endpoint: any_of,
            also: &[],
            of_app: true,
        }
    }

    /// The same, and any one of those.
    pub const fn and(self, any_of: &'static [&'static str]) -> Self {
        Self {
            also: any_of,
            ..self
        }
    }

    /// The API that serves the operation where `chosen` serves incidents and hunting.
    pub fn api(&self, chosen: Api) -> Api {
        match self.endpoint {
            [] => chosen,
            _ => Api::Endpoint,
        }
    }

    /// Any one of these suffices on that API; none: it lacks the operation.
    pub fn on(&self, api: Api) -> &'static [&'static str] {
        match api {
            Api::Graph => self.graph,
            Api::Xdr => self.xdr,
            Api::Endpoint => self.endpoint,
        }
    }
}

/// The resource that an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Incidents,
    Alerts,
    Hunting,
    Collecting,
    Devices,
    Response,
    Actions,
    Library,
    Indicators,
    Entities,
    Exposure,
    Investigations,
    Token,
    Tenants,
    /// `call_tool` alone, which runs what the others are.
    Agents,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Group::Incidents => "incidents",
            Group::Alerts => "alerts",
            Group::Hunting => "hunting",
            Group::Collecting => "collecting",
            Group::Devices => "devices",
            Group::Response => "response",
            Group::Actions => "actions",
            Group::Library => "library",
            Group::Indicators => "indicators",
            Group::Entities => "entities",
            Group::Exposure => "exposure",
            Group::Investigations => "investigations",
            Group::Token => "token",
            Group::Tenants => "tenants",
            Group::Agents => "agents",
        })
    }
}

/// What an operation answers: JSON, whole and already written.
#[derive(Debug)]
pub struct Answer {
    json: Box<RawValue>,
    passed_on: bool,
}

impl Answer {
    pub fn of(value: &impl Serialize) -> Self {
        let json = to_raw_value(value)
            .expect("answers are structs with string keys and JSON that was read before");
        Self::unread(json)
    }

    /// JSON that Microsoft sent, passed on unread.
    pub fn unread(json: Box<RawValue>) -> Self {
        let passed_on = false;
        Self { json, passed_on }
    }

    /// What was written byte by byte, if it is JSON.
    pub fn read(written: Vec<u8>) -> Option<Self> {
        let json = String::from_utf8(written).ok()?;
        RawValue::from_string(json).ok().map(Self::unread)
    }

    /// The same, said in place of an answer that has been stored or streamed.
    pub fn passed_on(self) -> Self {
        let passed_on = true;
        Self { passed_on, ..self }
    }

    /// Whether the answer itself has been stored or streamed.
    pub fn is_passed_on(&self) -> bool {
        self.passed_on
    }

    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// Whether the trigger can carry it.
    pub fn fits(&self, room: Room) -> bool {
        room.cost(self.json().as_bytes()) <= room.bytes
    }

    pub fn into_raw(self) -> Box<RawValue> {
        self.json
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'a>>;

/// A line of the table: an operation's constants and its erased `run`.
pub struct Entry {
    pub name: &'static str,
    pub summary: &'static str,
    pub group: Group,
    pub method: &'static str,
    pub path: &'static str,
    pub changes: bool,
    pub tenant_is_subject: bool,
    pub page: Option<Render>,
    pub permissions: Permissions,
    run: for<'a> fn(Input, &'a Call<'a>) -> Running<'a>,
}

impl Entry {
    pub const fn of<O: Operation>() -> Self {
        Self {
            name: O::NAME,
            summary: O::SUMMARY,
            group: O::GROUP,
            method: O::ROUTE.0,
            path: O::ROUTE.1,
            changes: O::CHANGES,
            tenant_is_subject: O::TENANT_IS_SUBJECT,
            page: O::PAGE,
            permissions: O::PERMISSIONS,
            run: |input, call| Box::pin(async move { input.parse::<O>()?.run(call).await }),
        }
    }

    /// Whether it only reads, for a program. Large answers of such operations are stored; agents may call most of them.
    pub fn reads(&self) -> bool {
        (self.method == "GET" && self.page.is_none()) || self.group == Group::Hunting
    }

    pub(crate) fn run<'a>(&self, input: Input, call: &'a Call<'a>) -> Running<'a> {
        (self.run)(input, call)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
