//! `openapi.json` judged: by a validator of its format, by the sample events, and by the functions themselves, which schemathesis asks
//! what the document says can be asked.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use local::gateway::{Functions, Gateway};
use serde_json::{Value, json};
use simulator::Simulator;

use crate::{
    checkout,
    moto::Moto,
    process::Server,
    python::{Python, run, scratch},
};

/// What needs AWS resources that a simulated tenant does not have: tables, a queue, a key, buckets.
const OF_AWS: &[&str] = &[
    "collect_alerts",
    "collect_hunting",
    "collect_incidents",
    "complete_consent",
    "get_checkpoint",
    "get_tenant",
    "list_tenants",
    "onboard_tenant",
    "remove_tenant",
    "save_package",
];

#[test]
fn the_document_is_openapi() {
    let python = Python::description();
    let said =
        run(Command::new(python.program("openapi-spec-validator")).arg(checkout("openapi.json")));
    assert!(said.contains("OK"), "{said}");
}

#[test]
fn every_sample_event_is_an_input_of_its_operation() {
    let (document, events) = (checkout("openapi.json"), checkout("events"));
    let arguments = [&document, &events].map(|path| path.to_str().expect("a path is text"));
    let wrong = Python::description().script("events.py", &arguments);
    assert_eq!(wrong, json!([]));
}

#[test]
fn the_functions_answer_what_the_document_says() {
    let local = local();
    let server = Server::start("serve", |port| {
        let mut command = Command::new(&local);
        command.args(["serve", "--simulator", "--port", &port.to_string()]);
        command
    });
    let without = OF_AWS
        .iter()
        .flat_map(|name| ["--exclude-operation-id", name]);
    // There is no bucket for large answers either.
    let parameters = "tenantId,maxAnswerBytes,resultLink";
    let said = examine(&server.origin, parameters, &without.collect::<Vec<_>>());
    assert!(said.contains("No issues found"), "{said}");
}

#[test]
fn those_that_need_aws_do_too() {
    let (simulator, moto) = (
        Simulator::builder()
            .live_clock()
            .start()
            .expect("the simulator starts"),
        Moto::start(),
    );
    for table in ["checkpoints", "tenants"] {
        moto.ask("create_lease_table", &json!({ "name": table }));
    }
    for bucket in ["evidence", "results"] {
        moto.ask("create_bucket", &json!({ "name": bucket }));
    }
    let text = |value: Value| value.as_str().expect("a name").to_owned();
    let queue = text(moto.ask("create_queue", &json!({ "name": "events" })));
    let key = text(moto.ask("create_mac_key", &json!({})));
    let sink = format!("sqs:{queue}");
    let own = [
        ("AWS_ENDPOINT_URL", moto.origin()),
        ("CHECKPOINT_TABLE", "checkpoints"),
        ("CONSENT_KEY_ID", &key),
        (
            "CONSENT_REDIRECT_URI",
            "https://soc.brightwatch.example/consent",
        ),
        ("EVIDENCE_BUCKET", "evidence"),
        ("RESULTS_BUCKET", "results"),
        ("SINK", &sink),
        ("TENANTS_TABLE", "tenants"),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = simulator
        .environment()
        .into_iter()
        .chain(moto.environment("KMS"))
        .chain(own);
    // A stream that is rewound by a quarter of a century takes all the time that there is.
    let functions = Functions::new(env!("CARGO_BIN_EXE_bootstrap"), environment)
        .timeout(Duration::from_secs(10));
    let gateway = Gateway::start(functions, 0).expect("loopback is there");
    let large = ["list_incidents", "run_hunting_query", "get_device"];
    let only = OF_AWS
        .iter()
        .chain(&large)
        .flat_map(|name| ["--include-operation-id", name]);
    let said = examine(gateway.url(), "", &only.collect::<Vec<_>>());
    assert!(said.contains("No issues found"), "{said}");
}

/// What schemathesis says after it has asked what is served there, without those parameters. Two examples by chance for each operation,
/// besides its sample and what the limits of its schemas suggest.
fn examine(origin: &str, without_parameters: &str, operations: &[&str]) -> String {
    let python = Python::description();
    let output = Command::new(python.program("schemathesis"))
        .arg("run")
        .arg(checkout("openapi.json"))
        .args(["--url", origin, "--phases", "examples,coverage,fuzzing"])
        .args(["--seed", "7", "--max-examples", "2", "--no-shrink", "--workers", "2"])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .args(["--continue-on-failure", "--request-timeout", "60"])
        .arg("--checks=status_code_conformance,content_type_conformance,response_schema_conformance,fails_only_where_it_may")
        .args(operations)
        .env("SCHEMATHESIS_HOOKS", "conform")
        .env("WITHOUT_PARAMETERS", without_parameters)
        .env("PYTHONPATH", checkout("tests/aws"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(scratch("schemathesis"))
        .output()
        .expect("schemathesis starts");
    [output.stdout, output.stderr]
        .map(|said| String::from_utf8_lossy(&said).into_owned())
        .concat()
}

/// `cargo local`, built.
fn local() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--package",
        "local",
        "--package",
        "defender-functions",
    ]);
    build
        .args(["--bin", "local", "--bin", "bootstrap"])
        .current_dir(checkout(""));
    // What cargo says of this package would make other packages' build scripts run anew.
    for (name, _) in std::env::vars_os() {
        let said = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if said
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
        {
            build.env_remove(name);
        }
    }
    run(&mut build);
    Path::new(env!("CARGO_BIN_EXE_bootstrap")).with_file_name("local")
}
