//! Faults on demand.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, Form, Kind, RetryAfter};

use crate::client::*;

const INCIDENTS: &str = "/v1.0/security/incidents";

#[tokio::test]
async fn a_throttle_speaks_each_apis_language() {
    let api = Api::graph().await;
    api.sim.inject(Kind::throttle(7));
    let response = api.call(Method::GET, INCIDENTS).send().await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["retry-after"]
        ),
        (429, &"7".parse().unwrap())
    );
    assert_eq!(read(response).await.1["error"]["code"], "TooManyRequests");

    api.sim.inject(Kind::Throttle {
        retry_after: None,
        form: Some(Form::Defender),
        message: None,
    });
    let response = api.call(Method::GET, INCIDENTS).send().await.unwrap();
    assert!(!response.headers().contains_key("retry-after"));
    let (_, body) = read(response).await;
    assert_eq!(body["error"]["code"], "429");
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .ends_with("per 00:01:00")
    );

    api.sim.inject(Kind::Throttle {
        retry_after: Some(RetryAfter::HttpDate {
            http_date_in_seconds: 60,
        }),
        form: None,
        message: None,
    });
    let request = http()
        .post(format!(
            "{}/{HARBOURLINE}/oauth2/v2.0/token",
            api.sim.origin()
        ))
        .form(&form(GRAPH));
    let response = request.send().await.unwrap();
    assert!(
        response.headers()["retry-after"]
            .to_str()
            .unwrap()
            .ends_with(" GMT")
    );
    assert_eq!(
        read(response).await,
        (429, Value::String("Too Many Requests".into()))
    );
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 200);
}

#[tokio::test]
async fn a_fault_meets_only_what_it_is_meant_for() {
    let api = Api::graph().await;
    let fault = Fault::from(Kind::status(503))
        .method("GET")
        .path(INCIDENTS)
        .query("$skip=50")
        .tenant(HARBOURLINE);
    api.sim.inject(fault.skip(1).times(2));
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 200);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(api.get(INCIDENTS, &[("$skip", "50")]).await.0);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);

    api.sim.inject(
        Fault::from(Kind::status(503))
            .tenant("kitsune-foods.example")
            .times(0),
    );
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 200);
}

#[tokio::test]
async fn bodies_can_be_wrong_in_every_way() {
    let api = Api::graph().await;
    let text = async |kind: Kind| {
        api.sim.inject(kind);
        let response = api.call(Method::GET, INCIDENTS).send().await.unwrap();
        (response.status().as_u16(), response.text().await)
    };
    assert_eq!(text(Kind::Empty).await.1.unwrap(), "");
    assert!(text(Kind::NotJson).await.1.unwrap().starts_with("<html>"));
    assert_eq!(text(Kind::WrongShape { body: None }).await.1.unwrap(), "[]");
    assert_eq!(
        text(Kind::WrongShape {
            body: Some(json!({ "value": 5 }))
        })
        .await
        .1
        .unwrap(),
        "{\"value\":5}"
    );
    let (status, cut) = text(Kind::CutBody { after_bytes: 100 }).await;
    assert!(status == 200 && cut.is_err());
    api.sim.inject(Kind::Gzip);
    let response = api.call(Method::GET, INCIDENTS).send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.bytes().await.unwrap()[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn a_cut_body_promises_the_whole_and_delivers_a_part() {
    let api = Api::graph().await;
    api.sim.inject(Kind::CutBody { after_bytes: 100 });
    let mut response = api.call(Method::GET, INCIDENTS).send().await.unwrap();
    assert!(response.content_length().unwrap() > 1000);
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 100);
    assert!(response.chunk().await.is_err());
}

#[tokio::test]
async fn a_dropped_change_is_done_or_not_as_the_fault_says() {
    let api = Api::graph().await;
    let change = async |kind: Kind, tag: &str| {
        api.sim.inject(Fault::from(kind).method("PATCH"));
        let path = format!("{INCIDENTS}/28291");
        let sent = api
            .call(Method::PATCH, &path)
            .json(&json!({ "customTags": [tag] }))
            .send()
            .await;
        assert!(sent.is_err());
        api.get(&path, &[]).await.1["customTags"].clone()
    };
    assert_eq!(change(Kind::DropBefore, "before").await, json!([]));
    assert_eq!(change(Kind::DropAfter, "after").await, json!(["after"]));
}

#[tokio::test]
async fn a_hang_never_answers_and_holds_nobody_else_up() {
    let api = Api::graph().await;
    api.sim.inject(Kind::Hang);
    let hanging = api
        .call(Method::GET, INCIDENTS)
        .timeout(Duration::from_millis(200))
        .send();
    assert!(hanging.await.unwrap_err().is_timeout());
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 200);
}

#[tokio::test]
async fn a_401_comes_with_its_challenge() {
    let api = Api::graph().await;
    api.sim.inject(Kind::Unauthorized);
    let response = api.call(Method::GET, INCIDENTS).send().await.unwrap();
    assert!(
        response.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer ")
    );
    assert_eq!(
        read(response).await.1["error"]["code"],
        "InvalidAuthenticationToken"
    );
    api.sim.inject(Kind::Redirect {
        to: "https://elsewhere.example/".into(),
    });
    let response = api.call(Method::GET, INCIDENTS).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (302, &"https://elsewhere.example/".parse().unwrap())
    );
}

#[tokio::test]
async fn the_link_to_the_next_page_can_be_missing_or_lead_elsewhere() {
    let api = Api::graph().await;
    let link = async |kind: Kind| {
        api.sim.inject(kind);
        api.get(INCIDENTS, &[("$top", "2")]).await.1["@odata.nextLink"].clone()
    };
    assert_eq!(link(Kind::MissingNextLink).await, Value::Null);
    let elsewhere = link(Kind::NextLinkTo {
        origin: "https://elsewhere.example".into(),
    })
    .await;
    assert_eq!(
        elsewhere,
        "https://elsewhere.example/v1.0/security/incidents?$top=2&$skip=2"
    );
}

#[tokio::test]
async fn an_expansion_fails_for_ever_where_it_is_told_to() {
    let api = Api::graph().await;
    api.sim.inject(Kind::ExpandFails {
        incidents: vec!["28289".into()],
        page_larger_than: Some(8),
    });
    let page = async |query: &[(&str, &str)]| api.get(INCIDENTS, query).await.0;
    for _ in 0..2 {
        assert_eq!(page(&[("$expand", "alerts")]).await, 500);
        assert_eq!(page(&[("$expand", "alerts"), ("$top", "8")]).await, 200);
        assert_eq!(page(&[]).await, 200);
    }
    assert_eq!(
        page(&[("$expand", "alerts"), ("$filter", "status ne 'active'")]).await,
        500
    );
    assert_eq!(
        api.get(&format!("{INCIDENTS}/28289"), &[("$expand", "alerts")])
            .await
            .0,
        500
    );
    assert_eq!(
        api.get(&format!("{INCIDENTS}/28281"), &[("$expand", "alerts")])
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn entra_refuses_by_any_number_asked_for() {
    let api = Api::graph().await;
    api.sim.inject(Kind::Entra { code: 50196 });
    assert_eq!(api.get(INCIDENTS, &[]).await.0, 200);
    let (status, body) = post_form(
        &api.sim,
        &format!("/{HARBOURLINE}/oauth2/v2.0/token"),
        &form(GRAPH),
    )
    .await;
    assert_eq!((status, &body["error_codes"]), (400, &json!([50196])));
}
