//! A panic in an operation: an error for its caller, and a process that lives on.

use defender_functions::{
    call::Call,
    config::Config,
    error::Result,
    function::Function,
    operation::{Answer, Entry, Group, Operation, Permissions},
    trigger,
};
use lambda_runtime::{LambdaEvent, Runtime, service_fn};
use serde_json::json;
use simulator::Simulator;

use crate::problem;

/// An operation that panics when it is told to, served by the product's own code.
#[derive(serde::Deserialize)]
struct Panics {
    panic: bool,
}

impl Operation for Panics {
    const NAME: &'static str = "panics";
    const SUMMARY: &'static str = "Panics";
    const GROUP: Group = Group::Incidents;
    const ROUTE: (&'static str, &'static str) = ("GET", "/panics");
    const PERMISSIONS: Permissions = Permissions::endpoint(&["Machine.Read.All"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        assert!(!self.panic, "as it was told");
        Ok(Answer::of(&json!({ "tenant": call.tenant.as_str() })))
    }
}

static PANICS: Entry = Entry::of::<Panics>();

#[tokio::test]
#[ignore = "not a test but the process that the test below starts, which is this very executable"]
async fn serves_the_panicking_operation() {
    let function = Function::new(&PANICS, Config::from_env().unwrap()).unwrap();
    let function = &function;
    let handler = service_fn(move |event: LambdaEvent<_>| trigger::handle(function, event));
    Runtime::new(handler).run().await.unwrap();
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_process_lives_on() {
    let simulator = Simulator::start();
    let wrapper = std::env::temp_dir().join(format!("panics-{}", std::process::id()));
    let test = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nexec '{}' --exact panics::serves_the_panicking_operation --nocapture --ignored\n",
        test.display()
    );
    std::fs::write(&wrapper, script).unwrap();
    std::fs::set_permissions(
        &wrapper,
        std::os::unix::fs::PermissionsExt::from_mode(0o700),
    )
    .unwrap();
    let function = local::runtime_api::Function::builder(&wrapper, "panics")
        .envs(simulator.environment())
        .start()
        .unwrap();
    let problem = problem(&function.invoke(r#"{"panic": true}"#).await);
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("Internal"), &json!(500))
    );
    assert!(
        !problem["detail"]
            .as_str()
            .unwrap()
            .contains("as it was told")
    );
    function.invoke(r#"{"panic": false}"#).await.json();
    assert_eq!(function.starts(), 1);
    assert!(function.logs().contains("as it was told"));
    std::fs::remove_file(wrapper).unwrap();
}
