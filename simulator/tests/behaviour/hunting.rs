//! Advanced hunting over Graph and over the XDR API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::*;

const RUN: &str = "/v1.0/security/runHuntingQuery";

async fn results(api: &Api, body: Value) -> Vec<Value> {
    let (status, body) = api.send(Method::POST, RUN, body).await;
    assert_eq!(status, 200, "{body}");
    body["results"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_usual_queries_find_the_attack() {
    let api = Api::graph().await;
    let query = r#"DeviceProcessEvents
        | where InitiatingProcessFileName =~ "winword.exe" and FileName =~ "powershell.exe"
        | project Timestamp, DeviceName, ProcessCommandLine"#;
    let (_, body) = api.send(Method::POST, RUN, json!({ "Query": query })).await;
    assert_eq!(
        body["schema"][0],
        json!({ "name": "Timestamp", "type": "DateTime" })
    );
    assert_eq!(body["results"].as_array().unwrap().len(), 1);
    assert_eq!(
        body["results"][0]["Timestamp"],
        "2026-11-16T07:14:58.4454321Z"
    );

    let encrypted = "DeviceFileEvents | where ActionType == 'FileRenamed' and FileName endswith '.hlock' | count";
    assert_eq!(
        results(&api, json!({ "query": encrypted })).await,
        [json!({ "Count": 14 })]
    );
    let devices = "DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId | summarize Devices = count() by OSPlatform | top 1 by Devices";
    assert_eq!(
        results(&api, json!({ "Query": devices })).await[0]["Devices"],
        2
    );
}

#[tokio::test]
async fn alerts_in_the_tables_are_those_of_the_incidents() {
    let api = Api::graph().await;
    let mut told: Vec<String> = results(&api, json!({ "Query": "AlertInfo | distinct AlertId" }))
        .await
        .iter()
        .map(|row| row["AlertId"].as_str().unwrap().to_owned())
        .collect();
    let mut listed = api.ids("/v1.0/security/alerts_v2", &[]).await;
    told.sort();
    listed.sort();
    assert_eq!(told, listed);
}

#[tokio::test]
async fn the_shorter_of_timespan_query_and_thirty_days_wins() {
    let api = Api::graph().await;
    let count = async |query: &str, timespan: Value| {
        results(
            &api,
            json!({ "Query": format!("{query} | count"), "Timespan": timespan }),
        )
        .await[0]["Count"]
            .as_i64()
            .unwrap()
    };
    let all = count("AlertInfo", Value::Null).await;
    assert_eq!(all, 21);
    let day = count("AlertInfo", json!("P1D")).await;
    assert!(day > 0 && day < all);
    assert_eq!(
        count("AlertInfo | where Timestamp > ago(1d)", json!("P7D")).await,
        day
    );
    assert_eq!(
        count("AlertInfo", json!("2026-11-17T09:30:00.1234567Z")).await,
        day
    );
    assert_eq!(
        count("AlertInfo", json!("2026-11-17T09:30:00.1234567Z/P1D")).await,
        day
    );
    assert_eq!(
        count("AlertInfo", json!("P1D/2026-11-18T09:30:00.1234567Z")).await,
        day
    );
    assert_eq!(
        count(
            "AlertInfo",
            json!("2026-11-10T00:00:00Z/2026-11-11T00:00:00Z")
        )
        .await,
        2
    );
    let old = "DeviceProcessEvents | where FileName == 'too_old_to_be_seen.exe'";
    assert_eq!(count(old, json!("P90D")).await, 0);
    assert_eq!(
        api.send(
            Method::POST,
            RUN,
            json!({ "Query": "AlertInfo", "Timespan": "yesterday" })
        )
        .await
        .0,
        400
    );
}

#[tokio::test]
async fn a_broken_query_is_a_bad_request_that_says_where() {
    let api = Api::graph().await;
    let (status, body) = api
        .send(Method::POST, RUN, json!({ "Query": "DeviceInfo | where" }))
        .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &"BadRequest".into())
    );
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("line [1,19]"),
        "{body}"
    );
    assert_eq!(
        api.send(Method::POST, RUN, json!({ "Text": "x" })).await.0,
        400
    );
}

#[tokio::test]
async fn an_answer_can_be_made_as_large_as_a_test_needs() {
    let api = Api::graph().await;
    let query = "range Row from 1 to 50000 step 1 | extend Padding = strrep('x', 80)";
    let response = api
        .call(Method::POST, RUN)
        .json(&json!({ "Query": query }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.content_length(), None);
    let text = response.text().await.unwrap();
    assert!(text.len() > 5_000_000);
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["results"][49_999]["Row"], 50_000);
    assert_eq!(
        results(
            &api,
            json!({ "Query": "range Row from 1 to 100500 step 1" })
        )
        .await
        .len(),
        100_000
    );
}

#[tokio::test]
async fn the_xdr_api_spells_its_answer_in_pascal_case_and_adds_stats() {
    let api = Api::xdr().await;
    let path = "/api/advancedhunting/run";
    let (status, body) = api
        .send(
            Method::POST,
            path,
            json!({ "Query": "AlertInfo | summarize count() by Severity" }),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        body["Schema"][1],
        json!({ "Name": "count_", "Type": "Int64" })
    );
    assert!(
        body["Stats"]["resource_usage"].is_object()
            && body["Results"].as_array().unwrap().len() == 4
    );
    let (status, body) = api
        .send(Method::POST, path, json!({ "query": "AlertInfo" }))
        .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (400, &"InvalidRequestBody".into())
    );
}
