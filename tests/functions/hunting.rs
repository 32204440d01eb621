//! Advanced hunting: what is sent, what is normalised, and what is too much.

use serde_json::json;
use simulator::{Fault, Kind, Simulator};

use crate::{api_requests, code, function, invoke, line, problem};

#[tokio::test]
async fn a_query_is_sent_as_utf8_with_its_parameters_bound_ahead() {
    let simulator = Simulator::start();
    let query = "DeviceInfo | where DeviceName == name // 端末 👾";
    let input = json!({"query": query, "timespan": "P7D", "parameters": {"name": "x\"; DeviceInfo | take 9 //"}});
    let answer = invoke(&simulator, "run_hunting_query", input).await.json();
    let request = &api_requests(&simulator)[0];
    assert_eq!(line(request), "POST /v1.0/security/runHuntingQuery");
    assert_eq!(
        request.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(
        request.json(),
        json!({"Query": format!("let name = \"x\\\"; DeviceInfo | take 9 //\";\n{query}"), "Timespan": "P7D"})
    );
    assert_eq!(answer["results"], json!([]));
}

#[tokio::test]
async fn a_parameter_finds_what_it_names() {
    let simulator = Simulator::start();
    let count = "| summarize Count = count()";
    let all = invoke(
        &simulator,
        "run_hunting_query",
        json!({"query": format!("DeviceInfo {count}")}),
    )
    .await
    .json();
    let first = invoke(
        &simulator,
        "run_hunting_query",
        json!({"query": "DeviceInfo | take 1 | project DeviceName"}),
    )
    .await
    .json();
    let some = json!({
        "query": format!("DeviceInfo | where DeviceName in (names) {count}"),
        "parameters": {"names": [first["results"][0]["DeviceName"]]},
    });
    let some = invoke(&simulator, "run_hunting_query", some).await.json();
    let counted = |answer: &serde_json::Value| answer["results"][0]["Count"].as_u64().unwrap();
    assert!((1..counted(&all)).contains(&counted(&some)));
}

#[tokio::test]
async fn both_spellings_of_the_schema_become_one() {
    let simulator = Simulator::start();
    for body in [
        json!({"schema": [{"name": "A", "type": "String"}], "results": [{"A": "1"}]}),
        json!({"@odata.context": "x", "schema": [{"Name": "A", "Type": "String"}], "results": [{"A": "1"}]}),
        json!({"Stats": {"ExecutionTime": 1}, "Schema": [{"Name": "A", "Type": "String"}], "Results": [{"A": "1"}]}),
    ] {
        simulator.inject(Fault::from(Kind::WrongShape { body: Some(body) }).path("/v1.0/"));
        let answer = invoke(&simulator, "run_hunting_query", json!({"query": "T"}))
            .await
            .json();
        assert_eq!(
            answer,
            json!({"schema": [{"name": "A", "type": "String"}], "results": [{"A": "1"}]})
        );
    }
}

#[tokio::test]
async fn rows_keep_every_byte() {
    let simulator = Simulator::start();
    let answer = invoke(
        &simulator,
        "run_hunting_query",
        json!({"query": "range x from 1 to 3 step 1"}),
    )
    .await;
    let local::runtime_api::Outcome::Answer(body) = answer else {
        panic!("{answer:?}")
    };
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(
        text.ends_with(r#""results":[{"x":1},{"x":2},{"x":3}]}"#),
        "{text}"
    );
}

#[tokio::test]
async fn a_query_that_microsoft_refuses_says_why() {
    let simulator = Simulator::start();
    let problem = problem(
        &invoke(
            &simulator,
            "run_hunting_query",
            json!({"query": "DeviceInfo | frobnicate"}),
        )
        .await,
    );
    assert_eq!(
        (&problem["code"], &problem["upstream"]["status"]),
        (&json!("UpstreamRejected"), &json!(400))
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("frobnicate"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_wrong_input_is_refused_before_anything_is_sent() {
    let simulator = Simulator::start();
    for input in [
        json!({}),
        json!({"query": " "}),
        json!({"query": 5}),
        json!({"query": "T", "timespan": "7 days"}),
        json!({"query": "T", "parameters": {"a; drop": 1}}),
        json!({"query": "T", "parameters": []}),
    ] {
        assert_eq!(
            code(&invoke(&simulator, "run_hunting_query", input.clone()).await),
            "InvalidInput",
            "{input}"
        );
    }
    assert!(simulator.requests().is_empty());
}

/// Rows of about a kilobyte.
fn rows(count: usize) -> String {
    json!({"query": format!("range x from 1 to {count} step 1 | extend Padding = strrep(\"p\", 1000)")}).to_string()
}

#[tokio::test]
async fn five_megabytes_pass_and_fifty_are_refused_while_they_arrive() {
    let simulator = Simulator::start();
    let function = function(&simulator, "run_hunting_query");
    let outcome = function.invoke(rows(5_000)).await;
    let local::runtime_api::Outcome::Answer(body) = outcome else {
        panic!("{outcome:?}")
    };
    assert!((5_000_000..6_000_000).contains(&body.len()));
    let problem = problem(&function.invoke(rows(50_000)).await);
    assert_eq!(
        (&problem["code"], &problem["status"]),
        (&json!("TooLarge"), &json!(413))
    );
    assert_eq!(
        api_requests(&simulator).len(),
        2,
        "asking again would not make it smaller"
    );
    // Of the fifty, only what could have been returned was ever held: with a buffer's growth, far less than fifty.
    assert!(
        function.peak_memory_kib() < 40 * 1024,
        "{} KiB",
        function.peak_memory_kib()
    );
}

#[tokio::test]
async fn over_http_the_escapes_count_as_well() {
    let simulator = Simulator::start();
    let function = function(&simulator, "run_hunting_query");
    // Rows of short texts: 4.8 MB as they are, 6.9 MB with a backslash before every quote.
    let columns = ["a", "b", "c", "d", "e", "f"]
        .map(|name| format!("{name} = \"x\""))
        .join(", ");
    let query = format!("range x from 1 to 80000 step 1 | extend {columns}");
    let event = json!({
        "version": "2.0",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"http": {"method": "POST", "path": "/hunting"}, "timeEpoch": 0},
        "body": json!({ "query": query }).to_string(),
        "isBase64Encoded": false,
    });
    let direct = function.invoke(event["body"].as_str().unwrap()).await;
    assert!(
        matches!(direct, local::runtime_api::Outcome::Answer(_)),
        "{direct:?}"
    );
    let reply = function.invoke(event.to_string()).await.json();
    assert_eq!(reply["statusCode"], json!(413), "{}", reply["body"]);
}
