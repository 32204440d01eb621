//! cargo-lambda's emulator: a second Runtime API that the real `bootstrap` gets along with.

use std::process::Command;

use serde_json::{Value, json};
use simulator::Simulator;

use crate::{
    process::{Process, Server},
    python::{Python, run},
};

#[test]
fn cargo_lambda_invokes_the_function_that_handler_names() {
    let python = Python::sam();
    let watch = Server::start("cargo-lambda-watch", |port| {
        let mut command = Command::new(python.program("cargo-lambda"));
        command.args([
            "lambda",
            "watch",
            "--only-lambda-apis",
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
        ]);
        command.arg(port.to_string());
        command
    });
    let simulator = Simulator::start();
    let _function = Process::start(
        "cargo-lambda-function",
        Command::new(env!("CARGO_BIN_EXE_bootstrap"))
            .env_clear()
            .envs(simulator.environment())
            // cargo-lambda sets all of Lambda's variables but this one.
            .env("_HANDLER", "get_incident")
            .env("AWS_LAMBDA_FUNCTION_NAME", "bootstrap")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env(
                "AWS_LAMBDA_RUNTIME_API",
                format!("{}/.rt/bootstrap", watch.origin),
            ),
    );
    let answer = run(Command::new(python.program("cargo-lambda"))
        .args([
            "lambda",
            "invoke",
            "bootstrap",
            "--invoke-address",
            "127.0.0.1",
            "--invoke-port",
        ])
        .arg(watch.port.to_string())
        .args(["--data-ascii", &json!({ "id": "28281" }).to_string()]));
    let incident: Value = serde_json::from_str(&answer)
        .unwrap_or_else(|error| panic!("{error} in {answer}\n{}", watch.log()));
    assert_eq!(incident["id"], "28281", "{incident}");
}
