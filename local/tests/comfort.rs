//! What makes `cargo local` pleasant: tables, sample events, completions, a line on what takes long, exit codes that scripts can use.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::{local, text};

fn answer(arguments: &[&str]) -> (String, String) {
    let output = local(arguments).output().unwrap();
    let said = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    (text(&output.stdout).to_owned(), said)
}

/// Runs a command line in a terminal of its own and gives all that it shows.
fn in_a_terminal(arguments: &[&str]) -> String {
    let mut command = Command::new("script");
    let line = arguments.iter().map(|argument| format!("'{argument}'"));
    let line = [env!("CARGO_BIN_EXE_local").to_owned()]
        .into_iter()
        .chain(line);
    command
        .args([
            "--quiet",
            "--return",
            "--command",
            &line.collect::<Vec<_>>().join(" "),
            "/dev/null",
        ])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .stdin(Stdio::null());
    text(&command.output().unwrap().stdout).to_owned()
}

#[test]
fn a_table_shows_the_rows_on_stdout_and_how_many_there_are_on_stderr() {
    let (table, said) = answer(&[
        "invoke",
        "list_incidents",
        r#"{"severity":"low","top":5}"#,
        "--output",
        "table",
        "--columns",
        "id,severity,comments.0",
    ]);
    let mut lines = table.lines();
    assert_eq!(
        lines.next().map(str::trim_end),
        Some(" id     severity  comments.0")
    );
    let rows: Vec<_> = lines.collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.contains(" low")));
    assert!(said.contains(&format!("\n{} rows\n", rows.len())), "{said}");
}

#[test]
fn a_pipe_gets_neither_colours_nor_progress_and_a_terminal_both() {
    let (answer, said) = answer(&["invoke", "list_incidents", "--fault", "throttled"]);
    assert!(!answer.contains('\u{1b}') && !said.contains('\u{1b}'));
    let shown = in_a_terminal(&["invoke", "list_incidents", "--fault", "throttled"]);
    assert!(shown.contains("\u{1b}[36m\"items\"\u{1b}[0m: ["), "{shown}");
    let progress = "\r\u{1b}[Klist_incidents: 1 s, 2 requests answered, 1 of them throttled";
    assert!(shown.contains(progress), "{shown}");
    let last = shown.rfind("\r\u{1b}[K").unwrap();
    assert!(
        last < shown.find("\"items\"").unwrap(),
        "the line is gone before the answer"
    );
}

#[test]
fn an_exit_code_says_what_can_be_done() {
    for (arguments, code) in [
        (&["list_incidents", r#"{"status":"open"}"#][..], 2),
        (&["list_incidents", "--fault", "wrong-secret"], 3),
        (&["get_incident", r#"{"id":"999999999"}"#], 4),
        (&["list_incidents", "--fault", "throttled-for-long"], 6),
        (
            &["list_incidents", "--fault", "hanging", "--timeout", "2"],
            6,
        ),
        (&["run_hunting_query", r#"{"query":"NoSuchTable"}"#], 7),
    ] {
        let output = local(&[&["invoke"], arguments].concat()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(code), ""),
            "{arguments:?}: {said}"
        );
    }
}

#[test]
fn an_operation_answers_the_same_to_every_trigger_that_carries_its_sample() {
    let whole = |trigger: &str| {
        let (reply, _) = answer(&["events", "get_incident", "--trigger", trigger, "--send"]);
        serde_json::from_str::<Value>(&reply).unwrap()
    };
    let incident = whole("direct");
    assert_eq!(incident["id"], "28281");
    assert_eq!(whole("eventbridge")["id"], "28281");
    assert_eq!(whole("sqs"), json!({"batchItemFailures": []}));
    for trigger in ["http-api", "function-url", "rest-api", "alb"] {
        let reply = whole(trigger);
        assert_eq!(reply["statusCode"], 200, "{trigger}: {reply}");
        let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["displayName"], incident["displayName"], "{trigger}");
    }
}

#[test]
fn what_an_input_holds_goes_to_the_path_the_query_and_the_body_of_a_request() {
    let event = |arguments: &[&str]| {
        let (event, _) = answer(&[&["events"], arguments].concat());
        serde_json::from_str::<Value>(&event).unwrap()
    };
    let input = r#"{"deviceId":"a b/c","comment":"x"}"#;
    let scan = event(&["scan_device", input, "--trigger", "rest-api"]);
    assert_eq!(scan["path"], "/devices/a%20b%2Fc/scan");
    assert_eq!(scan["pathParameters"], json!({"deviceId": "a b/c"}));
    assert_eq!(scan["body"], r#"{"comment":"x"}"#);
    let list = event(&[
        "list_devices",
        r#"{"top":2,"osPlatform":"a&b"}"#,
        "--trigger",
        "http-api",
    ]);
    assert_eq!(list["rawQueryString"], "osPlatform=a%26b&top=2");
    assert_eq!(
        list["queryStringParameters"],
        json!({"top": "2", "osPlatform": "a&b"})
    );
    assert!(list.get("body").is_none());
    let alb = event(&[
        "list_devices",
        r#"{"osPlatform":"a&b"}"#,
        "--trigger",
        "alb",
    ]);
    assert_eq!(
        alb["queryStringParameters"],
        json!({"osPlatform": "a%26b"}),
        "as a load balancer passes it on"
    );
    let (triggers, _) = answer(&["events"]);
    for trigger in [
        "direct",
        "http-api",
        "function-url",
        "rest-api",
        "alb",
        "sqs",
        "eventbridge",
        "schedule",
    ] {
        assert!(triggers.contains(&format!("\n  {trigger} ")), "{trigger}");
    }
}

#[test]
fn bash_completes_commands_operations_and_triggers_and_leaves_the_rest_to_cargo() {
    let local = env!("CARGO_BIN_EXE_local");
    let script = format!(
        r#"_cargo() {{ COMPREPLY=(from-cargo); }}
           source <('{local}' completions bash)
           complete_words() {{
               COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
               _cargo_local_or_cargo cargo "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
               echo "${{COMPREPLY[@]}}"
           }}
           complete_words cargo local inv
           complete_words cargo local invoke isolate
           complete_words cargo local events get_incident --trigger s
           complete_words cargo local faults thr
           complete_words cargo bui"#
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(
        text(&output.stdout),
        "invoke\nisolate_device\nsqs schedule\nthrottled throttled-for-long\nfrom-cargo\n"
    );
    for (shell, line) in [
        ("zsh", "#compdef cargo-local"),
        ("fish", "complete -c cargo "),
    ] {
        let (script, _) = answer(&["completions", shell]);
        assert!(
            script.contains(line) && script.contains("isolate_device"),
            "{shell}"
        );
    }
}

#[test]
fn faults_are_switched_in_a_tenant_that_is_served() {
    let faults = |arguments: &[&str]| {
        let output = local(&[&["faults"], arguments].concat()).output().unwrap();
        let said = (
            text(&output.stdout).to_owned(),
            text(&output.stderr).to_owned(),
        );
        (output.status.code().unwrap(), said.0, said.1)
    };
    let mut served = local(&["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut shown = BufReader::new(served.stdout.take().unwrap());
    shown.read_line(&mut url).unwrap();
    let port = url.trim().rsplit(':').next().unwrap();

    let (code, shown, said) = faults(&["--port", port]);
    assert_eq!((code, said.as_str()), (0, "no fault is on\n"));
    assert!(shown.contains("\n  throttled-for-long  429 "), "{shown}");
    let (code, on, _) = faults(&["unavailable", "--times", "3", "--port", port]);
    let on: Value = serde_json::from_str(&on).unwrap();
    let expected = |path: &str| json!({"kind": "status", "status": 503, "path": path, "times": 3, "met": 0, "seed": 0, "skip": 0});
    let without_nulls = |mut fault: Value| {
        fault
            .as_object_mut()
            .unwrap()
            .retain(|_, value| *value != Value::Null && *value != json!([]));
        fault
    };
    let on: Vec<_> = on
        .as_array()
        .unwrap()
        .iter()
        .cloned()
        .map(without_nulls)
        .collect();
    assert_eq!((code, on), (0, vec![expected("/v1.0/"), expected("/api/")]));
    let own = r#"{"kind":"status","status":418,"method":"PATCH"}"#;
    let (code, on, _) = faults(&[own, "--times", "7", "--path", "/x", "--port", port]);
    assert!(
        code == 0
            && ["418", "\"times\": 7", "\"/x\""]
                .iter()
                .all(|said| on.contains(said)),
        "{on}"
    );
    assert_eq!(
        faults(&["clear", "--port", port]),
        (0, String::new(), String::new())
    );
    assert_eq!(faults(&["--port", port]).2, "no fault is on\n");

    let (code, _, said) = faults(&["rain", "--port", port]);
    assert!(
        code == 2 && said.starts_with("error: there is no fault `rain`\n"),
        "{said}"
    );
    let (code, _, said) = faults(&[r#"{"kind":"rain"}"#, "--port", port]);
    assert!(code == 2 && said.contains("This is no fault"), "{said}");
    served.kill().unwrap();
    served.wait().unwrap();
    let (code, _, said) = faults(&["slow", "--port", port]);
    assert!(
        code == 1 && said.contains(&format!("cargo local serve --port {port}")),
        "{said}"
    );
}
