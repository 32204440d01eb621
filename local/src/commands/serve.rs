//! `cargo local serve`: every operation over HTTP, until Ctrl-C.

use std::fmt::Write;
use std::fs;

use local::gateway::{Functions, Gateway};
use local::operations::{Entry, OPERATIONS};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use tokio::signal;

use crate::tenant::Tenant;
use crate::{Failure, bootstrap, terminal};

/// Serves the operations over HTTP, each function in a process of its own
#[derive(clap::Args)]
pub struct Args {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 3000)]
    port: u16,

    /// Uses the simulated tenant, whatever AZURE_* says
    #[arg(long)]
    simulator: bool,

    /// Shows the functions' logs as they come
    #[arg(short, long)]
    verbose: bool,

    /// Runs the optimised build, as it is deployed
    #[arg(long)]
    release: bool,
}

pub async fn run(args: &Args) -> Result<(), Failure> {
    let tenant = Tenant::choose(args.simulator)?;
    terminal::note(format_args!("{tenant}"));
    let bootstrap = bootstrap::build(args.release)?;
    let functions = Functions::new(bootstrap, tenant.environment())
        .notes(true)
        .logs(args.verbose);
    let gateway = Gateway::start(functions, args.port).map_err(|error| {
        Failure::failed(format!(
            "127.0.0.1:{} cannot be had: {error}\n  --port takes another",
            args.port
        ))
    })?;
    terminal::print(greeting(gateway.url(), &tenant).trim_end().as_bytes())?;
    interrupted()
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    terminal::note(format_args!("stopping"));
    Ok(())
}

/// Where to ask, an example for each group, and where the simulator takes orders.
fn greeting(url: &str, tenant: &Tenant) -> String {
    let mut text = format!("{url}\n\n");
    let mut group = None;
    for entry in OPERATIONS {
        if group != Some(entry.group) {
            group = Some(entry.group);
            let _ = writeln!(text, "  {}", example(url, entry));
        }
    }
    if let Some(simulator) = tenant.simulator_url() {
        let _ = writeln!(
            text,
            "\nsimulator: {simulator}/_simulator/requests, .../faults, .../tenants, .../clock"
        );
    }
    text + "Ctrl-C stops it."
}

/// A `curl` for an operation, with the input of its sample event: what the path takes in the path, and the rest in the body.
fn example(url: &str, entry: &Entry) -> String {
    let file = format!("{}/events/{}.json", bootstrap::WORKSPACE, entry.name);
    let event = fs::read_to_string(file)
        .ok()
        .and_then(|text| serde_json::from_str::<Map<String, Value>>(&text).ok());
    let mut input = event.unwrap_or_default();
    let mut path = entry.path.to_owned();
    input.retain(|name, value| {
        let parameter = format!("{{{name}}}");
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let in_path = path.contains(&parameter);
        path = path.replace(
            &parameter,
            &utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string(),
        );
        !in_path
    });
    if entry.method == "GET" {
        return format!("curl -s {url}{path}");
    }
    let body = Value::Object(input).to_string().replace('\'', r"'\''");
    let method = match entry.method {
        "POST" => String::new(),
        method => format!(" -X {method}"),
    };
    format!("curl -s{method} {url}{path} --json '{body}'")
}

/// Waits for Ctrl-C, or for what a service manager sends instead.
async fn interrupted() -> std::io::Result<()> {
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupt = signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}
