//! A Lambda function: its operation, what it keeps between invocations, and the one way in which an operation is run.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Instant,
};

use crate::{
    call::{App, Call, Invocation},
    config::{Config, Tenant},
    error::{Code, Error, Result},
    input::Input,
    operation::{Answer, Entry},
};

/// One operation, ready to be invoked any number of times.
#[derive(Debug)]
pub struct Function {
    entry: &'static Entry,
    app: App,
}

impl Function {
    pub fn new(entry: &'static Entry, config: Config) -> Result<Self> {
        Ok(Self {
            entry,
            app: App::new(config)?,
        })
    }

    /// The HTTP method that the operation answers to.
    pub fn method(&self) -> &'static str {
        self.entry.method
    }

    /// The path of the operation's HTTP route.
    pub fn path(&self) -> &'static str {
        self.entry.path
    }

    /// Runs the operation on one input and writes the invocation's log line.
    pub async fn run(
        &self,
        input: Result<Input>,
        invocation: Invocation<'_>,
        trigger: Trigger<'_>,
    ) -> Result<Answer> {
        let started = Instant::now();
        let mut line = Line {
            entry: self.entry,
            trigger,
            invocation,
            started,
            tenant: &self.app.config.tenant,
        };
        let prepared = input.and_then(|mut input| {
            let tenant = self.tenant(&mut input)?;
            Ok((self.call(tenant, invocation)?, input))
        });
        let (call, input) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let error = error.in_request(invocation.request_id);
                line.write(None, Some(&error));
                return Err(error);
            }
        };
        line.tenant = &call.tenant;
        let outcome = caught(self.entry.run(input, &call))
            .await
            .and_then(|answer| answer.fitting(invocation.room));
        let outcome = outcome.map_err(|error| error.in_request(invocation.request_id));
        line.write(Some(&call), outcome.as_ref().err());
        outcome
    }

    /// Whose tenant it is about: the default, or one that is allowed.
    fn tenant(&self, input: &mut Input) -> Result<Tenant> {
        let config = &self.app.config;
        let Some(named) = input.take_text("tenantId")? else {
            return Ok(config.tenant.clone());
        };
        let tenant = Tenant::parse(&named).ok_or_else(|| {
            Error::field(
                "tenantId",
                "a tenant is named by its GUID or by a verified domain",
            )
        })?;
        if tenant == config.tenant || config.allowed_tenants.contains(&tenant) {
            return Ok(tenant);
        }
        let detail = format!(
            "`tenantId`: this function does not serve {named}. ALLOWED_TENANTS lists the tenants that it does."
        );
        Err(Error::new(Code::TenantNotAllowed, detail))
    }

    fn call<'a>(&'a self, tenant: Tenant, invocation: Invocation<'a>) -> Result<Call<'a>> {
        let permissions = &self.entry.permissions;
        let api = permissions.api(self.app.config.api);
        match permissions.on(api) {
            [] => Err(Error::new(
                Code::InvalidInput,
                format!(
                    "{} is not something that {} offers. Set DEFENDER_API=graph.",
                    self.entry.name,
                    api.title()
                ),
            )),
            _ => Ok(Call::new(&self.app, api, *permissions, tenant, invocation)),
        }
    }
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

/// Where an input came from, for the log line.
#[derive(Clone, Copy, Debug)]
pub struct Trigger<'a> {
    pub kind: &'static str,
    /// The record of a batch.
    pub record: Option<&'a str>,
    /// X-Ray's trace id.
    pub trace_id: Option<&'a str>,
}

/// The one log line of an invocation.
struct Line<'a> {
    entry: &'static Entry,
    trigger: Trigger<'a>,
    invocation: Invocation<'a>,
    started: Instant,
    tenant: &'a Tenant,
}

impl Line<'_> {
    fn write(&self, call: Option<&Call<'_>>, error: Option<&Error>) {
        let upstream = call.map(|call| call.trace.upstream()).unwrap_or_default();
        macro_rules! line {
            ($level:ident, $outcome:literal, $message:expr) => {
                tracing::$level!(
                    operation = self.entry.name,
                    trigger = self.trigger.kind,
                    record = self.trigger.record,
                    tenant = self.tenant.as_str(),
                    outcome = $outcome,
                    code = error.map(|error| error.code().name()),
                    durationMs = self.started.elapsed().as_millis() as u64,
                    upstreamCalls = upstream.calls,
                    upstreamRequestIds = upstream.request_ids.join(","),
                    requestId = self.invocation.request_id,
                    traceId = self.trigger.trace_id,
                    "{}",
                    $message
                )
            };
        }
        match error {
            None => line!(info, "ok", format_args!("{} succeeded", self.entry.name)),
            Some(error) if error.code().status() < 500 => line!(warn, "error", error),
            Some(error) => line!(error, "error", error),
        }
    }
}
