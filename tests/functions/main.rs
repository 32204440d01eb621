//! The real `bootstrap` process behind a Runtime API, against the simulated tenant: what it sends, and what it answers.

mod actions;
mod agent_events;
mod agent_tools;
mod agents;
mod alerts;
mod certificates;
mod challenges;
mod check_token;
mod credentials;
mod devices;
mod endpoint_alerts;
mod exposure;
mod failures;
mod federation;
mod flights;
mod hunting;
mod incidents;
mod indicator_batches;
mod indicators;
mod library;
mod listing;
mod logs;
mod lookups;
mod metrics;
mod ocsf;
mod panics;
mod relay;
mod response;
mod separation;
mod startup;
mod streaming;
mod table;
mod tenants;
mod triggers;
mod xdr;

use std::path::{Path, PathBuf};

use local::runtime_api::{Builder, Function, Outcome};
use serde_json::{Value, json};
use simulator::{Request, Simulator};

/// A function of the simulator's first tenant, not yet started.
fn builder(simulator: &Simulator, operation: &str) -> Builder {
    Function::builder(env!("CARGO_BIN_EXE_bootstrap"), operation).envs(simulator.environment())
}

fn function(simulator: &Simulator, operation: &str) -> Function {
    builder(simulator, operation).start().unwrap()
}

/// Starts a function for one invocation.
async fn invoke(simulator: &Simulator, operation: &str, input: Value) -> Outcome {
    function(simulator, operation)
        .invoke(input.to_string())
        .await
}

/// The same with `DEFENDER_API=xdr`.
async fn invoke_xdr(simulator: &Simulator, operation: &str, input: Value) -> Outcome {
    let function = builder(simulator, operation)
        .env("DEFENDER_API", "xdr")
        .start()
        .unwrap();
    function.invoke(input.to_string()).await
}

/// The requests to the APIs, without those for tokens.
fn api_requests(simulator: &Simulator) -> Vec<Request> {
    simulator
        .requests()
        .into_iter()
        .filter(|request| !is_token(request))
        .collect()
}

fn token_requests(simulator: &Simulator) -> Vec<Request> {
    simulator.requests().into_iter().filter(is_token).collect()
}

fn is_token(request: &Request) -> bool {
    request.path.contains("/oauth2/")
}

/// `GET /v1.0/security/incidents ?$top=5 ...`: method, path and decoded query in one line.
fn line(request: &Request) -> String {
    let query: Vec<_> = request
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{} {}?{}", request.method, request.path, query.join("&"))
        .trim_end_matches('?')
        .to_owned()
}

fn lines(simulator: &Simulator) -> Vec<String> {
    api_requests(simulator).iter().map(line).collect()
}

fn ids(answer: &Value) -> Vec<String> {
    let id = |item: &Value| {
        item["id"]
            .as_str()
            .map_or_else(|| item["incidentId"].to_string(), str::to_owned)
    };
    answer["items"]
        .as_array()
        .expect("a list has items")
        .iter()
        .map(id)
        .collect()
}

fn tenant_id(simulator: &Simulator) -> String {
    variable(simulator, "AZURE_TENANT_ID")
}

fn variable(simulator: &Simulator, name: &str) -> String {
    let environment = simulator.environment();
    let (_, value) = environment
        .iter()
        .find(|(known, _)| known == name)
        .expect("the simulator sets it");
    value.clone()
}

/// The error type and the problem, which has to repeat it.
#[track_caller]
fn problem(outcome: &Outcome) -> Value {
    let (error_type, _) = outcome
        .error()
        .unwrap_or_else(|| panic!("expected an error, got {outcome:?}"));
    let problem = outcome.problem();
    assert_eq!(problem["code"], json!(error_type));
    problem
}

/// The code of the problem, when nothing else about it matters.
#[track_caller]
fn code(outcome: &Outcome) -> String {
    problem(outcome)["code"]
        .as_str()
        .expect("a code is text")
        .to_owned()
}

/// A file that goes when the test ends.
struct TemporaryFile(String);

impl TemporaryFile {
    fn with(text: &str) -> Self {
        let name = format!("defender-functions-{:032x}", fastrand::u128(..));
        let file = Self(std::env::temp_dir().join(name).display().to_string());
        file.write(text);
        file
    }

    fn path(&self) -> &str {
        &self.0
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn event(name: &str) -> String {
    std::fs::read_to_string(root().join("events").join(name)).unwrap()
}
