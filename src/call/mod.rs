//! One invocation's access to Microsoft's APIs: the right host, a token that suffices, and errors in our own words.

mod app;
mod refusal;
mod sent;

pub use app::App;
pub use sent::{Lost, Object, Sent};

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use reqwest::Url;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    api::Api,
    client::{Failure, Fresh, Kind, Outgoing, Passing, Reply, Room, Take, nothing_passes, taking},
    config::Tenant,
    entra::{challenge, token::Token, want::Want},
    error::{Code, Error, Result},
    odata,
    operation::Permissions,
    results::Outlet,
    retry::TRIES,
    telemetry::Trace,
    time::{Deadline, Timestamp, http_date},
};

/// What the trigger knows about one run of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// Lambda's id of the invocation, sent along so that Microsoft can find it too.
    pub request_id: &'a str,
    /// AWS X-Ray's id of the trace that it is a part of.
    pub trace_id: Option<&'a str>,
    pub deadline: Deadline,
    /// How large the answer may be.
    pub room: Room,
    /// The tenant that Lambda keeps this process for, in its tenant isolation mode.
    pub isolated: Option<&'a str>,
    /// The instant that relative times count from: a schedule's own, so that a repeated run computes the same window.
    pub now: Timestamp,
}

/// What an operation is given besides its input.
#[derive(Debug)]
pub struct Call<'a> {
    pub app: &'a App,
    pub api: Api,
    pub permissions: Permissions,
    pub tenant: Tenant,
    pub invocation: Invocation<'a>,
    pub trace: Trace,
    /// Where the answer goes.
    pub outlet: Outlet,
    /// Whether it goes as it is made, so that its size does not matter.
    flows: bool,
    room: AtomicUsize,
    fresh: Fresh,
}

impl<'a> Call<'a> {
    pub fn new(
        app: &'a App,
        api: Api,
        permissions: Permissions,
        tenant: Tenant,
        invocation: Invocation<'a>,
    ) -> Self {
        let room = AtomicUsize::new(invocation.room.bytes);
        let trace = Trace::default();
        let outlet = Outlet::held(invocation.room, invocation.deadline);
        Self {
            app,
            api,
            permissions,
            tenant,
            invocation,
            trace,
            outlet,
            flows: false,
            room,
            fresh: Fresh::default(),
        }
    }

    /// Says that it will change something: the connection for that is made while it looks at what there is.
    pub fn will_change(&self) {
        let client = &self.app.client;
        client.connect_for_changes(&self.fresh, self.base());
    }

    /// Lets what Microsoft answers be larger.
    pub fn make_room(&mut self, room: Room) {
        self.invocation.room = room;
        *self.room.get_mut() = room.bytes;
    }

    /// Lets the answer go as it is made: no part of it takes room from the next.
    pub fn let_flow(&mut self) {
        self.flows = true;
    }

    /// Whether the answer goes as it is made.
    pub fn flows(&self) -> bool {
        self.flows
    }

    /// The same in another tenant. What it sends counts as this call's.
    pub fn for_tenant(&self, tenant: Tenant) -> Self {
        Self {
            trace: self.trace.clone(),
            ..Self::new(
                self.app,
                self.api,
                self.permissions,
                tenant,
                self.invocation,
            )
        }
    }

    /// The same in less time, as [`Deadline::less`] says.
    pub fn less(&self, time: Duration, part: u32) -> Self {
        let mut call = self.for_tenant(self.tenant.clone());
        call.invocation.deadline = self.invocation.deadline.less(time, part);
        call
    }

    /// Names in an error the invocation that it is of.
    pub fn name(&self, error: Error) -> Error {
        let Invocation {
            request_id,
            trace_id,
            ..
        } = self.invocation;
        error.in_request(request_id, trace_id)
    }

    /// What is left of the answer's size.
    pub fn room(&self) -> Room {
        Room {
            bytes: self.room.load(Ordering::Relaxed),
            escaped: self.invocation.room.escaped,
        }
    }

    /// Asks for JSON.
    pub async fn get<T: DeserializeOwned + Send>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T> {
        self.get_within(TRIES, path, query).await
    }

    /// Asks for JSON, at most so many times.
    pub async fn get_within<T: DeserializeOwned + Send>(
        &self,
        tries: u32,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T> {
        let mut request = self.request(Method::GET, Kind::Read, path, query, Vec::new());
        request.tries = tries;
        settled(self.send(request, &|reply| read_json(reply)).await)
    }

    /// Asks for JSON, and for the time by the service's own clock.
    pub async fn get_dated<T: DeserializeOwned + Send>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<(T, Option<Timestamp>)> {
        self.get_dated_within(TRIES, path, query).await
    }

    /// The same, at most so many times.
    pub async fn get_dated_within<T: DeserializeOwned + Send>(
        &self,
        tries: u32,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<(T, Option<Timestamp>)> {
        let mut request = self.request(Method::GET, Kind::Read, path, query, Vec::new());
        request.tries = tries;
        let dated = |reply: &Reply| Ok((read_json(reply)?, http_date(&reply.headers)));
        settled(self.send(request, &dated).await)
    }

    /// Asks by a POST that changes nothing. `read` makes what is wanted of the answer while it is there, so that a large one is
    /// not kept twice.
    pub async fn query<T: Send>(
        &self,
        path: &[&str],
        body: &impl Serialize,
        read: impl Fn(&Reply) -> std::result::Result<T, String> + Sync,
    ) -> Result<T> {
        let request = self.request(Method::POST, Kind::Read, path, &[], to_json(body));
        settled(self.send(request, &read).await)
    }

    /// The same, with an answer that is passed on as it arrives.
    pub async fn query_passing(
        &self,
        path: &[&str],
        body: &impl Serialize,
        passing: &mut dyn Passing,
    ) -> Result<()> {
        let request = self.request(Method::POST, Kind::Read, path, &[], to_json(body));
        settled(self.deliver(request, &mut Take::Passing(passing)).await)
    }

    /// Changes something, once.
    pub async fn change<T: DeserializeOwned + Send>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Sent<T>> {
        let request = self.request(method, Kind::Change, path, &[], to_json(body));
        self.change_by(request, &|reply| read_json(reply)).await
    }

    /// Changes something, once, where a success says no more than that.
    pub async fn change_silently(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&impl Serialize>,
    ) -> Result<Sent<()>> {
        let body = body.map(to_json).unwrap_or_default();
        let request = self.request(method, Kind::Change, path, &[], body);
        self.change_by(request, &|_| Ok(())).await
    }

    /// Changes something by a body that is not JSON, once.
    pub async fn change_with<T: DeserializeOwned + Send>(
        &self,
        path: &[&str],
        content_type: HeaderValue,
        body: Vec<u8>,
    ) -> Result<Sent<T>> {
        let mut request = self.request(Method::POST, Kind::Change, path, &[], body);
        request.headers.insert(CONTENT_TYPE, content_type);
        self.change_by(request, &|reply| read_json(reply)).await
    }

    async fn change_by<T: Send>(
        &self,
        request: Outgoing,
        read: &(impl Fn(&Reply) -> std::result::Result<T, String> + Sync),
    ) -> Result<Sent<T>> {
        let sent = Instant::now();
        let outcome = self.send(request, read).await;
        match outcome {
            Err(Failure::Lost(error)) => Ok(Sent::Lost(Lost { error, sent })),
            outcome => settled(outcome).map(Sent::Answered),
        }
    }

    /// Sends with a token; one that is refused is replaced once.
    async fn send<T: Send>(
        &self,
        request: Outgoing,
        read: &(impl Fn(&Reply) -> std::result::Result<T, String> + Sync),
    ) -> std::result::Result<T, Failure> {
        let mut answer = None;
        let mut take = taking(&mut answer, read);
        let taken = &mut Take::Whole(&mut take);
        self.deliver(request, taken).await?;
        drop(take);
        Ok(answer.expect("a delivered answer has been taken"))
    }

    async fn deliver(
        &self,
        mut request: Outgoing,
        take: &mut Take<'_>,
    ) -> std::result::Result<(), Failure> {
        if request.kind == Kind::Change {
            self.will_change();
        }
        let mut renewed = false;
        let mut claims = None;
        loop {
            let token = self
                .token(request.kind, claims.as_deref())
                .await
                .map_err(Failure::Failed)?;
            request.headers.insert(AUTHORIZATION, token.authorization());
            match self
                .app
                .client
                .deliver(
                    &request,
                    self.invocation.deadline,
                    &self.trace,
                    &self.fresh,
                    take,
                )
                .await
            {
                Err(Failure::Refused(reply))
                    if reply.status == StatusCode::UNAUTHORIZED && !renewed =>
                {
                    self.app.tokens.discard(&self.want(), &token);
                    claims = challenge::claims(&reply.headers);
                    renewed = true;
                }
                Err(Failure::Refused(reply)) => {
                    if reply.status == StatusCode::FORBIDDEN
                        || reply.status == StatusCode::UNAUTHORIZED
                    {
                        // A permission granted in the meantime shows in a new token only.
                        self.app.tokens.discard(&self.want(), &token);
                    }
                    return Err(Failure::Failed(self.refusal(&request.url, &reply)));
                }
                outcome => return outcome,
            }
        }
    }

    /// A token that suffices, and that says what a challenge asked for.
    async fn token(&self, kind: Kind, claims: Option<&str>) -> Result<Token> {
        let want = self.want();
        // A change has a connection of its own.
        let api = want.api.filter(|_| kind == Kind::Read);
        let want = Want {
            api,
            claims,
            ..want
        };
        let token = self.app.tokens.get(&want).await?;
        let suffices = |any_of: &&[&str]| any_of.is_empty() || token.permits(any_of);
        if self.needed().iter().all(suffices) {
            return Ok(token);
        }
        self.app.tokens.discard(&want, &token);
        let has = match token.roles() {
            [] => "no permissions at all".to_owned(),
            roles => roles.join(", "),
        };
        Err(self.missing_permission(&format!(
            "Its token for {} carries {has}.",
            self.api.title()
        )))
    }

    /// The sets of permissions of each of which the token must have one.
    fn needed(&self) -> [&'static [&'static str]; 2] {
        [self.permissions.on(self.api), self.permissions.also]
    }

    /// A token of the tenant for the operation's API.
    pub fn want(&self) -> Want<'_> {
        Want {
            config: &self.app.config,
            client: &self.app.client,
            tenant: &self.tenant,
            audience: &self.app.config.upstream(self.api).audience,
            api: (!self.permissions.is_none()).then(|| self.base()),
            claims: None,
            deadline: self.invocation.deadline,
            trace: &self.trace,
        }
    }

    fn base(&self) -> &Url {
        &self.app.config.upstream(self.api).base
    }

    fn request(
        &self,
        method: Method,
        kind: Kind,
        path: &[&str],
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Outgoing {
        let base = self.base().as_str().trim_end_matches('/');
        let address = format!(
            "{base}{}{}{}",
            self.api.prefix(),
            odata::path(path),
            odata::query(query)
        );
        let mut headers = HeaderMap::new();
        if !body.is_empty() {
            // Non-ASCII text reaches Graph unharmed only if the charset is named.
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/json; charset=utf-8"),
            );
        }
        if self.api == Api::Graph {
            // Without it, Graph shows newer enum members as `unknownFutureValue`.
            headers.insert(
                "prefer",
                HeaderValue::from_static("include-unknown-enum-members"),
            );
            if let Ok(id) = HeaderValue::from_str(self.invocation.request_id) {
                headers.insert(HeaderName::from_static("client-request-id"), id);
            }
        }
        Outgoing {
            service: self.api.name(),
            kind,
            method,
            url: Url::parse(&address)
                .expect("a checked origin followed by an escaped path and query"),
            headers,
            body: body.into(),
            tries: TRIES,
            passing: nothing_passes,
            room: self.room(),
        }
    }

    /// Takes a part of the answer's size.
    pub fn take_room(&self, bytes: usize) {
        if !self.flows {
            let left = self.room().bytes.saturating_sub(bytes);
            self.room.store(left, Ordering::Relaxed);
        }
    }
}

fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("request bodies are structs with string keys")
}

/// Reads an answer, or says what is wrong with it in words that do not quote it.
pub fn read_json<'a, T: Deserialize<'a>>(reply: &'a Reply) -> std::result::Result<T, String> {
    if reply.body.is_empty() {
        return Err("is empty".to_owned());
    }
    let text = std::str::from_utf8(&reply.body).map_err(|_| "is not whole JSON".to_owned())?;
    serde_json::from_str(text).map_err(|error| {
        let what = if error.is_data() {
            "does not have the documented shape"
        } else {
            "is not whole JSON"
        };
        format!("{what} (line {}, column {})", error.line(), error.column())
    })
}

fn settled<T>(outcome: std::result::Result<T, Failure>) -> Result<T> {
    outcome.map_err(|failure| match failure {
        Failure::Failed(error) | Failure::Lost(error) => error,
        Failure::Refused(reply) => Error::new(
            Code::Internal,
            format!("a {} that nobody read", reply.status),
        ),
    })
}
