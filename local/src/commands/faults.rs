//! `cargo local faults`: switches the faults of the tenant that `cargo local serve` simulates.

use std::fmt::{Display, Write};

use defender_functions::client;
use local::faults::{self, PRESETS, Preset};
use serde_json::{Value, json};

use crate::{Failure, terminal};

/// Shows, switches on and clears faults of the tenant that `cargo local serve` simulates
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo local faults
  cargo local faults throttled --times 3
  cargo local faults unavailable --path /v1.0/security/incidents
  cargo local faults '{\"kind\":\"status\",\"status\":418,\"method\":\"PATCH\"}'
  cargo local faults clear")]
pub struct Args {
    /// The fault to switch on, by name or as the simulator's JSON; `clear` ends all; without it, those that there are and those that are on
    fault: Option<String>,

    /// How many requests it meets, 0 for all until it is cleared
    #[arg(long, value_name = "N")]
    times: Option<u32>,

    /// Only requests whose path begins so
    #[arg(long, value_name = "PREFIX")]
    path: Option<String>,

    /// The port of `cargo local serve`
    #[arg(long, default_value_t = 3000)]
    port: u16,
}

pub async fn run(args: &Args) -> Result<(), Failure> {
    let faults = match args.fault.as_deref() {
        Some("clear") => None,
        Some(json) if json.trim_start().starts_with('{') => Some(vec![own(json, args)?]),
        Some(name) => {
            let faults = named(name)?.faults(args.times, args.path.as_deref());
            Some(faults.iter().map(|fault| json!(fault)).collect())
        }
        None => Some(vec![]),
    };
    let client = client::plain();
    if args.fault.is_none() {
        terminal::print(format!("faults\n{}", presets()).as_bytes())?;
    }
    let served = format!("http://127.0.0.1:{}/console/simulator", args.port);
    let simulator = match client.get(served).send().await {
        Ok(reply) if reply.status().is_success() => reply.text().await.unwrap_or_default(),
        Ok(_) => {
            return Err(Failure::failed(
                "what is served there has no simulated tenant",
            ));
        }
        Err(_) if args.fault.is_none() => return Ok(()),
        Err(_) => {
            let message = format!(
                "nothing is served on port {0}\n  start it: cargo local serve --port {0}",
                args.port
            );
            return Err(Failure::failed(message));
        }
    };
    let url = format!("{simulator}/_simulator/faults");
    let Some(faults) = faults else {
        client.delete(&url).send().await.map_err(failed)?;
        return Ok(());
    };
    for fault in &faults {
        let reply = client.post(&url).body(fault.to_string()).send().await;
        let reply = reply.map_err(failed)?;
        if !reply.status().is_success() {
            return Err(Failure::usage(reply.text().await.map_err(failed)?));
        }
    }
    let live = client.get(&url).send().await.map_err(failed)?;
    let live = live.text().await.map_err(failed)?;
    match live == "[]" {
        true => terminal::note("no fault is on"),
        false => terminal::print_json(&live)?,
    }
    Ok(())
}

fn failed(error: impl Display) -> Failure {
    Failure::failed(format!("the simulator: {error}"))
}

/// A fault as the simulator takes it, with what the options say of it.
fn own(json: &str, args: &Args) -> Result<Value, Failure> {
    let fault = serde_json::from_str::<Value>(json);
    let mut fault =
        fault.map_err(|error| Failure::usage(format!("the fault is not JSON: {error}")))?;
    if let Some(times) = args.times {
        fault["times"] = times.into();
    }
    if let Some(path) = &args.path {
        fault["path"] = path.as_str().into();
    }
    Ok(fault)
}

/// The preset of that name.
pub fn named(name: &str) -> Result<&'static Preset, Failure> {
    faults::find(name).ok_or_else(|| {
        let message = format!("there is no fault `{name}`\n\n{}", presets().trim_end());
        Failure::usage(message)
    })
}

/// The presets, a line each.
fn presets() -> String {
    let mut text = String::new();
    for preset in PRESETS {
        let _ = writeln!(text, "  {:18}  {}", preset.name, preset.summary);
    }
    text
}
