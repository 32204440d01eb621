//! moto's server, which keeps secrets, leases and evidence as AWS would.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    process::Server,
    python::{Python, scratch},
};

/// AWS's own example.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A moto of its own.
pub struct Moto {
    python: Python,
    server: Server,
}

impl Moto {
    pub fn start() -> Self {
        let python = Python::cloud();
        let server = Server::start("moto", |port| {
            let mut command = Command::new(python.program("moto_server"));
            let recording = scratch("moto").join(format!("{port}.recording"));
            command
                .args(["--host", "127.0.0.1", "--port", &port.to_string()])
                .env("MOTO_RECORDER_FILEPATH", recording);
            command
        });
        Self { python, server }
    }

    /// `http://127.0.0.1:41234`
    pub fn origin(&self) -> &str {
        &self.server.origin
    }

    /// Runs a function of `cloud.py`.
    pub fn ask(&self, what: &str, arguments: &Value) -> Value {
        let arguments = arguments.to_string();
        self.python
            .script("cloud.py", &[&self.server.origin, what, &arguments])
    }

    /// From now on every request is recorded.
    pub fn record(&self) {
        self.ask("record", &json!({ "action": "start-recording" }));
    }

    /// The services of the recorded requests whose signature is the one that AWS's own library would make.
    pub fn signed_services(&self) -> Vec<String> {
        let services = self.ask("signed_services", &json!({ "secret": SECRET }));
        serde_json::from_value(services).expect("names of services")
    }

    /// What Lambda sets, with one service moved here.
    pub fn environment(&self, service: &str) -> Vec<(String, String)> {
        let moved = format!("AWS_ENDPOINT_URL_{service}");
        [
            (moved.as_str(), self.server.origin.as_str()),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_SESSION_TOKEN", "session-token"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}
