//! `cargo local`: lists the operations, invokes one, or serves them all over HTTP, on this machine.

mod bootstrap;
mod commands;
mod exit;
mod progress;
mod table;
mod tenant;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{completions, describe, events, faults, invoke, list, serve, tools};

/// Runs the Lambda functions on this machine: against a simulated Defender tenant, or, where AZURE_TENANT_ID and
/// AZURE_CLIENT_ID are set, against that one.
#[derive(Parser)]
#[command(bin_name = "cargo local")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Args),
    Invoke(invoke::Args),
    Serve(serve::Args),
    Describe(describe::Args),
    Tools(tools::Args),
    Events(events::Args),
    Faults(faults::Args),
    Completions(completions::Args),
}

/// Why a command did not do what it was asked to: said on stderr, with a hint how to do better.
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The command was called wrongly: exit code 2, as for every usage error.
    fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: exit::USAGE,
        }
    }

    /// The command failed: exit code 1.
    fn failed(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: exit::BROKEN,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::List(args) => list::run(&args),
        Command::Invoke(args) => invoke::run(&args).await,
        Command::Serve(args) => serve::run(&args).await,
        Command::Describe(args) => describe::run(&args),
        Command::Tools(args) => tools::run(&args),
        Command::Events(args) => events::run(&args).await,
        Command::Faults(args) => faults::run(&args).await,
        Command::Completions(args) => completions::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::error(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}
