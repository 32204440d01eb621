//! The console of `cargo local serve`, as Chromium shows it and a person uses it.

use std::{sync::Arc, time::Duration};

use local::{
    console::{Console, Simulated, Tenant},
    gateway::{Functions, Gateway},
    operations::OPERATIONS,
};
use serde_json::{Value, json};
use simulator::{Pace, Simulator};

use crate::{consent_page::chromium, node::Node, python::scratch};

/// What the console shows of this tenant, and of what is tried out there where it is simulated.
fn visit(name: &str, environment: Vec<(String, String)>, tenant: Tenant) -> Value {
    let simulated = matches!(tenant, Tenant::Simulated(_));
    let functions = Functions::new(env!("CARGO_BIN_EXE_bootstrap"), environment);
    let gateway = Gateway::with_console(functions, Console::new(tenant), 0);
    let gateway = gateway.expect("loopback has a free port");
    let seen = Node::browser().console_js(&json!({
        "url": gateway.url(),
        "simulated": simulated,
        "chromium": chromium(),
        "pictures": scratch("console").join(name),
    }));
    assert_eq!(seen["troubles"], json!([]));
    assert_eq!(seen["elsewhere"], json!([]), "something is asked elsewhere");
    assert_eq!(seen["operations"], OPERATIONS.len());
    assert_eq!(seen["fits"], true, "it has to be scrolled sideways");
    for scheme in ["light", "dark"] {
        assert_eq!(seen[scheme]["barriers"], json!([]), "{scheme}");
    }
    assert_ne!(seen["light"]["background"], seen["dark"]["background"]);
    seen
}

#[track_caller]
fn says(text: &Value, parts: &[&str]) {
    let text = text.as_str().expect("text");
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_simulated_tenant_is_asked_changed_and_made_to_fail() {
    let simulator = Arc::new(Simulator::builder().live_clock().start().expect("a port"));
    simulator.edit("harbourline.example", |tenant| {
        let brief = Duration::from_millis(1);
        tenant.action_pace = Pace {
            pending: brief,
            running: brief,
        };
    });
    let environment: Vec<_> = simulator.environment().into_iter().collect();
    let id = environment
        .iter()
        .find(|(name, _)| name == "AZURE_TENANT_ID");
    let id = id.expect("there is a default tenant").1.clone();
    let tenant = Tenant::Simulated(Simulated { simulator, id });
    let seen = visit("simulated", environment, tenant);
    let parts = [
        "Simulated tenant Harbour Line Logistics",
        "SecurityIncident.Read.All",
        "changes, Machine.Isolate",
        "hl-ws-014.harbourline.example",
        "No fault is on.",
    ];
    says(&seen["text"], &parts);

    let list = &seen["list"];
    assert_eq!(list["status"], "200");
    assert_eq!(list["body"]["items"].as_array().map(Vec::len), Some(2));
    says(
        &list["invocation"],
        &["list_incidents", "GET /incidents", "200", "ms"],
    );
    says(
        &list["log"],
        &["list_incidents succeeded", "upstreamCalls="],
    );

    let dry_run = &seen["dryRun"];
    assert_eq!(dry_run["body"]["outcome"], "dryRun");
    says(&dry_run["device"], &["open"]);
    says(&dry_run["log"], &["isolate_device succeeded"]);
    says(
        &seen["isolated"]["device"],
        &["isolated: Full", "Isolate: Succeeded"],
    );

    let fault = &seen["fault"];
    assert_eq!(fault["body"]["code"], "Throttled");
    assert_eq!(fault["body"]["status"], 429);
    says(&fault["status"], &["429"]);
    says(&fault["invocation"], &["429", "Throttled"]);
    says(&fault["log"], &["WARN", "code=\"Throttled\""]);
    says(&fault["on"], &["throttled-for-long", "Microsoft Graph"]);
    assert_eq!(seen["after"]["status"], "200");
}

#[test]
fn nothing_of_a_real_tenant_is_shown_but_whose_it_is() {
    let id = "11111111-2222-4333-8444-555555555555";
    let seen = visit("real", Vec::new(), Tenant::Real(id.to_owned()));
    let parts = [
        &format!("Real tenant {id}: what an operation changes here, it changes there."),
        "The console shows nothing of a real tenant.",
        "A real tenant has no switches for faults.",
    ];
    says(&seen["text"], &parts);
}
