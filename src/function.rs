//! A Lambda function: its operation, what it keeps between invocations, and the one way in which an operation is run.

use std::{
    future::{Future, poll_fn},
    num::NonZeroU64,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use reqwest::Url;

use crate::{
    call::{App, Call, Invocation},
    config::{AllowedTenants, Config, Tenant, is_guid},
    error::{Code, Error, Result},
    input::Input,
    operation::{Answer, Entry, Group, Render},
    operations,
    results::{self, Outlet, Stream},
    telemetry::{self, Line},
    tenants::{Standing, served::Served},
};

pub use crate::telemetry::Trigger;

/// One operation, ready to be invoked any number of times.
#[derive(Debug)]
pub struct Function {
    entry: &'static Entry,
    app: Arc<App>,
    served: Arc<Served>,
}

impl Function {
    pub fn new(entry: &'static Entry, config: Config) -> Result<Self> {
        for name in &config.deployed {
            operations::known(name)?;
        }
        Ok(Self {
            entry,
            app: Arc::new(App::new(config)?),
            served: Arc::default(),
        })
    }

    /// Does before the first invocation what it would wait for otherwise.
    pub async fn start(&self) -> Result<()> {
        let Entry {
            permissions,
            changes,
            ..
        } = self.entry;
        if !permissions.of_app {
            return Ok(());
        }
        let api = permissions.api(self.app.config.api);
        // A change that looks at nothing first goes over a connection of its invocation; one that looks has to be permitted that, too.
        let looks = !changes || !permissions.also.is_empty();
        let asked_first = looks && !permissions.on(api).is_empty();
        self.app.prepare(asked_first.then_some(api)).await?;
        // The flights are the same before the first invocation and in it, but a small function has more of a processor before. A change
        // needs a connection that is no older than its invocation: it is made while the one to Entra is.
        if !changes {
            self.app.client.connected().await;
        }
        Ok(())
    }

    /// The same for a function whose calls say which operation they are for: any may ask the Endpoint API, which is at `endpoint`.
    pub async fn start_for_any(&self, endpoint: &Url) -> Result<()> {
        self.app.client.connect_ahead(endpoint);
        self.app.prepare(Some(self.app.config.api)).await?;
        self.app.client.connected().await;
        Ok(())
    }

    /// Another operation, by the same app and with what was kept of earlier invocations.
    pub fn of(&self, entry: &'static Entry) -> Self {
        Self {
            entry,
            app: self.app.clone(),
            served: self.served.clone(),
        }
    }

    /// The HTTP method that the operation answers to.
    pub fn method(&self) -> &'static str {
        self.entry.method
    }

    /// The path of the operation's HTTP route.
    pub fn path(&self) -> &'static str {
        self.entry.path
    }

    /// How a person sees the outcome; none for an operation whose callers read JSON.
    pub fn page(&self) -> Option<Render> {
        self.entry.page
    }

    /// Whether callers who can read an answer while it is made get it so.
    pub fn streams(&self) -> bool {
        self.app.config.streams
    }

    /// Runs the operation on one input and writes the invocation's log line.
    pub async fn run(
        &self,
        input: Result<Input>,
        invocation: Invocation<'_>,
        trigger: Trigger<'_>,
    ) -> Result<Answer> {
        self.run_streaming(input, invocation, trigger, None).await
    }

    /// The same, with a caller who can read the answer while it is made. One that was streamed says so.
    pub async fn run_streaming(
        &self,
        input: Result<Input>,
        invocation: Invocation<'_>,
        trigger: Trigger<'_>,
        stream: Option<Stream>,
    ) -> Result<Answer> {
        let mut call = self.call(invocation);
        let trace = call.trace.clone();
        let running = self.run_call(input, &mut call, trigger, stream);
        telemetry::within(&invocation, &trace, running).await
    }

    async fn run_call(
        &self,
        input: Result<Input>,
        call: &mut Call<'_>,
        trigger: Trigger<'_>,
        stream: Option<Stream>,
    ) -> Result<Answer> {
        let started = Instant::now();
        let outcome = caught(async {
            let input = self.prepare(input, call, stream).await?;
            let answer = self.entry.run(input, call).await?;
            results::settle(call, answer).await
        });
        let outcome = outcome.await.map_err(|error| call.name(error));
        let line = Line {
            entry: self.entry,
            trigger,
            call,
            started,
        };
        line.write(outcome.as_ref().err());
        outcome
    }

    /// Whether an answer is stored that is too large: of what only reads. That of anything else is small, and must not get lost there.
    fn stores(&self) -> bool {
        self.app.config.results.is_some() && self.entry.reads()
    }

    fn call<'a>(&'a self, invocation: Invocation<'a>) -> Call<'a> {
        let (config, permissions) = (&self.app.config, self.entry.permissions);
        let api = permissions.api(config.api);
        let tenant = config.tenant.clone();
        Call::new(&self.app, api, permissions, tenant, invocation)
    }

    /// Takes out of the input what every operation accepts: the tenant, how long it may take, and how large an answer may be that is
    /// not stored. What is left is the operation's own.
    async fn prepare(
        &self,
        input: Result<Input>,
        call: &mut Call<'_>,
        stream: Option<Stream>,
    ) -> Result<Input> {
        let mut input = input?;
        // What comes by a public link is nobody's to set.
        if self.entry.page.is_none() {
            if let Some(seconds) = input.take::<NonZeroU64>("maxSeconds")? {
                let deadline = &mut call.invocation.deadline;
                *deadline = deadline.within(Duration::from_secs(seconds.get()));
            }
            self.direct(&mut input, call, stream)?;
        }
        if !self.entry.tenant_is_subject {
            call.tenant = self.tenant(&mut input, call).await?;
        } else if call.invocation.isolated.is_some() {
            let detail = "The operation is about the tenants themselves, and Lambda keeps this process for one of them. Deploy it without \
                          tenant isolation.";
            return Err(Error::new(Code::Misconfigured, detail));
        }
        let permissions = &call.permissions;
        if permissions.on(call.api).is_empty() && !permissions.is_none() {
            let (name, api) = (self.entry.name, call.api.title());
            let detail =
                format!("{name} is not something that {api} offers. Set DEFENDER_API=graph.");
            return Err(Error::new(Code::InvalidInput, detail));
        }
        Ok(input)
    }

    /// Says where the answer goes.
    fn direct(&self, input: &mut Input, call: &mut Call<'_>, stream: Option<Stream>) -> Result<()> {
        let (most, link) = (
            input.take::<usize>("maxAnswerBytes")?,
            input.take::<bool>("resultLink")?,
        );
        let stores = self.stores();
        for (field, is_given) in [
            ("maxAnswerBytes", most.is_some()),
            ("resultLink", link.is_some()),
        ] {
            if is_given && !stores {
                return Err(results::not_stored(&self.app.config, field));
            }
        }
        let Invocation { room, deadline, .. } = call.invocation;
        let mut outlet = Outlet::held(room, deadline);
        outlet.most = most.unwrap_or(outlet.most);
        outlet.stores = stores.then_some(self.entry.name);
        outlet.link = link.unwrap_or_default();
        call.outlet = outlet;
        match stream.filter(|_| most.is_none()) {
            Some(stream) => {
                call.outlet.stream_by(stream);
                call.let_flow();
            }
            // A list goes on where it ended; only what cannot, or need not, is fetched beyond what the trigger carries.
            None if stores && (most.is_some() || self.entry.group == Group::Hunting) => {
                call.make_room(results::LARGEST);
                call.invocation.deadline = call.invocation.deadline.less(results::TIME, 4);
                call.let_flow();
            }
            None => {}
        }
        Ok(())
    }

    /// Whose tenant it is about: the one that Lambda keeps the process for, else the one that is named, else the default; and it has to
    /// be the default or an allowed one.
    async fn tenant(&self, input: &mut Input, call: &Call<'_>) -> Result<Tenant> {
        let named = input.take("tenantId")?;
        let read = |named: String| {
            let reason = "a tenant is named by its GUID or by a verified domain";
            Tenant::parse(&named).ok_or_else(|| Error::field("tenantId", reason))
        };
        let isolated = call.invocation.isolated.map(str::to_owned);
        let (named, isolated): (Option<Tenant>, Option<Tenant>) = (
            named.map(read).transpose()?,
            isolated.map(read).transpose()?,
        );
        let tenant = match (named, isolated) {
            (None, None) => return Ok(call.tenant.clone()),
            (Some(named), Some(isolated)) if named != isolated => {
                let reason = "Lambda runs this invocation for another tenant.";
                return Err(not_allowed(&named, reason));
            }
            (Some(tenant), _) | (None, Some(tenant)) => tenant,
        };
        if tenant == call.tenant {
            return Ok(tenant);
        }
        match &call.app.config.allowed_tenants {
            AllowedTenants::Listed(tenants) if tenants.contains(&tenant) => Ok(tenant),
            AllowedTenants::Listed(_) => {
                let reason = "ALLOWED_TENANTS lists the tenants that it does.";
                Err(not_allowed(&tenant, reason))
            }
            AllowedTenants::Registry if !is_guid(tenant.as_str()) => {
                let reason =
                    "It is a domain, and the registry knows tenants by their GUID: name that.";
                Err(not_allowed(&tenant, reason))
            }
            AllowedTenants::Registry => match self.served.standing(call, &tenant).await? {
                Some(standing) if standing.is_served() => Ok(tenant),
                // How else would anybody learn that it has consented by a link which tells us nothing?
                Some(Standing::Invited) if self.entry.group == Group::Token => Ok(tenant),
                Some(_) => {
                    let reason = "It was invited and has not consented yet.";
                    Err(not_allowed(&tenant, reason))
                }
                None => {
                    let reason = "It is not in the registry; `onboard_tenant` invites it.";
                    Err(not_allowed(&tenant, reason))
                }
            },
        }
    }
}

fn not_allowed(tenant: &Tenant, reason: &str) -> Error {
    let named = tenant.as_str();
    let detail = format!("`tenantId`: this function does not serve {named}. {reason}");
    Error::new(Code::TenantNotAllowed, detail)
}

/// A panic ends the operation, not the process.
async fn caught(running: impl Future<Output = Result<Answer>>) -> Result<Answer> {
    let mut running = pin!(running);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))).unwrap_or_else(|_| {
            let detail = "The operation panicked; the function's log says where. This is a defect: please report it.";
            Poll::Ready(Err(Error::new(Code::Internal, detail)))
        })
    })
    .await
}
