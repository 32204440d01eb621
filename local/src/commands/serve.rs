//! `cargo local serve`: every operation over HTTP, until Ctrl-C.

use std::fmt::Write;

use local::console::Console;
use local::event::Request;
use local::gateway::{Functions, Gateway};
use local::operations::{Entry, OPERATIONS};
use tokio::signal;

use super::events::sample;
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
    let console = Console::new(tenant.seen());
    let gateway = Gateway::with_console(functions, console, args.port).map_err(|error| {
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

/// Where to look and to ask, an example for each group, and where the simulator takes orders.
fn greeting(url: &str, tenant: &Tenant) -> String {
    let mut text = format!("{url}\n\n  console: {url}/ in a browser\n\n");
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

/// A `curl` for an operation, with the input of its sample event.
fn example(url: &str, entry: &Entry) -> String {
    let request = Request::new(entry, &sample(entry));
    let path = &request.path;
    let query = match request.raw_query() {
        query if query.is_empty() => query,
        query => format!("?{query}"),
    };
    let method = match request.method {
        "GET" | "POST" => String::new(),
        method => format!(" -X {method}"),
    };
    match (&request.body, request.method) {
        (Some(body), _) => {
            let body = body.replace('\'', r"'\''");
            format!("curl -s{method} {url}{path} --json '{body}'")
        }
        (None, "POST") => format!("curl -s -X POST {url}{path}"),
        (None, _) => format!("curl -s{method} '{url}{path}{query}'"),
    }
}

/// Waits for Ctrl-C, or for what a service manager sends instead.
async fn interrupted() -> std::io::Result<()> {
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupt = signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}
