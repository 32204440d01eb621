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
use tokio::sync::Notify;

use crate::problem;

static PANICKED: Notify = Notify::const_new();

/// An operation that panics when it is told to, or else waits until one has, served by the product's own code.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Panics {
    panic: bool,
}

impl Operation for Panics {
    type Answers = serde_json::Value;

    const NAME: &'static str = "panics";
    const SUMMARY: &'static str = "Panics";
    const GROUP: Group = Group::Incidents;
    const ROUTE: (&'static str, &'static str) = ("GET", "/panics");
    const PERMISSIONS: Permissions = Permissions::endpoint(&["Machine.Read.All"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        if self.panic {
            PANICKED.notify_one();
            panic!("as it was told");
        }
        PANICKED.notified().await;
        Ok(Answer::of(&json!({ "tenant": call.tenant.as_str() })))
    }
}

static PANICS: Entry = Entry::of::<Panics>();

#[tokio::test]
#[ignore = "not a test but the process that the test below starts, which is this very executable"]
async fn serves_the_panicking_operation() {
    let function = Function::new(&PANICS, Config::from_env().unwrap()).unwrap();
    let function: &'static Function = Box::leak(Box::new(function));
    let handler = service_fn(move |event: LambdaEvent<_>| trigger::handle(function, event));
    Runtime::new(handler).run_concurrent().await.unwrap();
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_process_lives_on_with_all_else_that_it_runs() {
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
    for at_once in [1, 2] {
        let function = local::runtime_api::Function::builder(&wrapper, "panics")
            .envs(simulator.environment())
            .concurrency(at_once)
            .start()
            .unwrap();
        let panics = function.invoke(r#"{"panic": true}"#);
        let other = function.invoke(r#"{"panic": false}"#);
        let (panicked, answer) = match at_once {
            1 => (panics.await, other.await),
            _ => {
                let (answer, panicked) = tokio::join!(other, panics);
                (panicked, answer)
            }
        };
        let problem = problem(&panicked);
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!("Internal"), &json!(500))
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.contains("as it was told"), "{detail}");
        answer.json();
        assert_eq!(function.starts(), 1);
        assert!(function.logs().contains("as it was told"));
    }
    std::fs::remove_file(wrapper).unwrap();
}
