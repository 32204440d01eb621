//! The template as SAM writes it, deployed to ministack, with the real `bootstrap` and a simulated tenant behind it.

use std::{collections::BTreeMap, fs, process::Command, thread, time::Duration};

use serde_json::{Value, json};
use simulator::Simulator;

use crate::{
    checkout,
    process::Server,
    python::{Python, scratch},
    unrolled::{Parameters, read_by_sam},
};

pub const STACK: &str = "defender";

/// The stack, with a simulated tenant behind it.
pub struct Stack {
    python: Python,
    pub ministack: Server,
    pub simulator: Simulator,
    /// Names and handlers.
    pub functions: BTreeMap<String, String>,
}

/// ministack with nothing in it, at home in a scratch folder of that name; `set` sets what else it is to know.
pub fn ministack(python: &Python, name: &str, set: impl FnOnce(u16, &mut Command)) -> Server {
    let home = scratch(&format!("ministack-{name}"));
    Server::start("ministack", |port| {
        let mut command = Command::new(python.program("python"));
        command
            .args(["-m", "ministack"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("TMPDIR", &home)
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("GATEWAY_PORT", port.to_string())
            .current_dir(&home);
        set(port, &mut command);
        command
    })
}

impl Stack {
    /// With these parameters besides those that it needs.
    pub fn deploy(name: &str, parameters: Parameters) -> Self {
        Self::deploy_before(name, Simulator::start(), parameters)
    }

    /// With a simulator of one's own, whose second app responds if `ResponseClientId` is given.
    pub fn deploy_before(name: &str, simulator: Simulator, parameters: Parameters) -> Self {
        let python = Python::cloud();
        let ministack = ministack(&python, name, |port, command| {
            command
                // A workflow's minute lasts a second and a half.
                .env("SFN_WAIT_SCALE", "0.025")
                // The functions look for AWS here too.
                .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"));
        });
        let tenant: BTreeMap<String, String> = simulator.environment().into_iter().collect();
        let mut stack = Self {
            python,
            ministack,
            simulator,
            functions: BTreeMap::new(),
        };
        let secret = |name: &str, value: &str| {
            stack.ask("create_secret", json!({ "name": name, "value": value }))
        };
        let mut chosen = BTreeMap::from([
            ("TenantId", json!(tenant["AZURE_TENANT_ID"])),
            ("ClientId", json!(tenant["AZURE_CLIENT_ID"])),
            (
                "ClientSecretArn",
                secret("defender/client-secret", &tenant["AZURE_CLIENT_SECRET"]),
            ),
        ]);
        chosen.extend(parameters.iter().map(|(name, value)| (*name, json!(value))));
        if chosen.contains_key("ResponseClientId") {
            let responders = stack.simulator.environment_of("Harbourline Responders");
            let responders: BTreeMap<String, String> = responders.into_iter().collect();
            chosen.insert("ResponseClientId", json!(responders["AZURE_CLIENT_ID"]));
            let secret = secret("defender/responders", &responders["AZURE_CLIENT_SECRET"]);
            chosen.insert("ResponseClientSecretArn", secret);
        }
        let endpoints = [
            "AZURE_AUTHORITY_HOST",
            "GRAPH_ENDPOINT",
            "DEFENDER_ENDPOINT",
        ];
        // It is longer than an argument may be.
        let template = scratch(&format!("ministack-{name}")).join("template.yaml");
        let written = read_by_sam(&[])["written"].take();
        fs::write(&template, written.as_str().expect("a text")).expect("target can be written");
        let functions = stack.ask(
            "deploy",
            json!({
                "stack": STACK,
                "template": template,
                "checkout": checkout("."),
                "bootstrap": env!("CARGO_BIN_EXE_bootstrap"),
                "parameters": chosen,
                "environment": endpoints.map(|name| (name, &tenant[name])).into_iter().collect::<BTreeMap<_, _>>(),
            }),
        );
        stack.functions =
            serde_json::from_value(functions).expect("functions have names and handlers");
        stack
    }

    pub fn ask(&self, what: &str, arguments: Value) -> Value {
        self.python.script(
            "cloud.py",
            &[&self.ministack.origin, what, &arguments.to_string()],
        )
    }

    pub fn invoke(&self, function: &str, payload: Value) -> Value {
        self.ask(
            "invoke",
            json!({ "function": format!("{STACK}-{function}"), "payload": payload }),
        )
    }

    pub fn request(&self, method: &str, path: &str, body: &str, signed: bool) -> Value {
        self.ask(
            "request",
            json!({ "api": STACK, "method": method, "path": path, "body": body, "signed": signed }),
        )
    }

    /// Waits for something that happens on its own; gives up, with ministack's log, after three minutes.
    pub fn wait_for<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        for _ in 0..180 {
            if let Some(found) = look(self) {
                return found;
            }
            thread::sleep(Duration::from_secs(1));
        }
        panic!("never seen: {what}\n{}", self.ministack.log());
    }
}
