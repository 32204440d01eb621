//! What happened to an incident is said by its event, and a merged one leads to where it went.

use serde_json::json;

use super::{START, Streams, after, changes};

#[tokio::test]
async fn the_kind_of_change_follows_an_incident_through_its_life() {
    let streams = Streams::start();
    let steps = [
        ("active", "created"),
        ("inProgress", "updated"),
        ("resolved", "resolved"),
        ("resolved", "updated"),
        ("active", "reopened"),
        ("resolved", "resolved"),
    ];
    let mut input = json!({ "since": START });
    for (minute, (status, change)) in steps.into_iter().enumerate() {
        let at = minute as i64 * 60_000;
        streams.put(90_000, 0, at, |incident| {
            incident.status = status.to_owned()
        });
        let (_, events) = streams.incidents(input).await;
        assert_eq!(changes(&events), [("90000", change)], "step {minute}");
        input = json!({});
    }
    streams.put(90_001, 0, 400_000, |incident| {
        incident.status = "someday".to_owned()
    });
    let (_, events) = streams.incidents(json!({})).await;
    assert_eq!(changes(&events), [("90001", "created")]);
    assert_eq!(events[0]["item"]["status"], "someday");
}

#[tokio::test]
async fn an_incident_from_before_the_stream_is_updated_or_resolved_but_not_created() {
    let streams = Streams::start();
    streams.put(90_010, -5000, 0, |_| {});
    streams.put(90_011, -5000, 1, |incident| {
        incident.status = "resolved".to_owned()
    });
    let (_, events) = streams.incidents(json!({ "since": START })).await;
    assert_eq!(
        changes(&events),
        [("90010", "updated"), ("90011", "resolved")]
    );
}

#[tokio::test]
async fn a_merged_incident_names_its_target_which_follows() {
    let streams = Streams::start();
    // Their own updates are older than the stream.
    streams.put(90_020, -9000, -8000, |_| {});
    streams.put(90_021, -9000, -8000, |incident| {
        incident.status = "redirected".to_owned();
        incident.redirect_incident_id = Some("90020".to_owned());
    });
    streams.put(90_022, -9000, 10, |incident| {
        incident.status = "redirected".to_owned();
        incident.redirect_incident_id = Some("90021".to_owned());
        incident.description = None;
    });
    streams.put(90_023, 0, 20, |_| {});
    let (answer, events) = streams.incidents(json!({ "since": START })).await;
    assert_eq!(answer["complete"], true, "{answer}");
    assert_eq!(
        changes(&events),
        [
            ("90022", "merged"),
            ("90021", "merged"),
            ("90020", "updated"),
            ("90023", "created")
        ]
    );
    assert_eq!(events[0]["target"], "90021");
    assert_eq!(events[1]["target"], "90020");
    assert_eq!(events[2].get("target"), None);
    assert_eq!(
        events[2]["id"],
        format!(
            "{}/incidents/90020/2026-11-18T09:29:53.0000000Z",
            streams.tenant()
        )
    );
    // Told once.
    streams.put(90_022, -9000, 30, |incident| {
        incident.status = "redirected".to_owned();
        incident.redirect_incident_id = Some("90021".to_owned());
    });
    let (_, events) = streams.incidents(json!({})).await;
    assert_eq!(changes(&events), [("90022", "updated")]);
}

#[tokio::test]
async fn a_circle_of_merged_incidents_ends_and_a_missing_target_is_named() {
    let streams = Streams::start();
    for (id, target, at) in [
        (90_030, "90031", 0),
        (90_031, "90030", 1),
        (90_032, "99999", 2),
    ] {
        streams.put(id, 0, at, |incident| {
            incident.status = "redirected".to_owned();
            incident.redirect_incident_id = Some(target.to_owned());
        });
    }
    let (answer, events) = streams.incidents(json!({ "since": START })).await;
    assert_eq!(answer["complete"], true);
    assert_eq!(
        changes(&events),
        [
            ("90030", "merged"),
            ("90031", "merged"),
            ("90032", "merged")
        ]
    );
    assert_eq!(answer["incomplete"][0]["id"], "99999");
    assert_eq!(answer["incomplete"][0]["problem"]["code"], "NotFound");
}

#[tokio::test]
async fn a_rewound_stream_tells_the_same_again_under_the_same_ids() {
    let streams = Streams::start();
    streams.put(90_040, 0, 0, |_| {});
    let (_, mut first) = streams.incidents(json!({ "since": START })).await;
    streams.put(90_041, 0, 50, |incident| {
        incident.status = "resolved".to_owned()
    });
    let (_, second) = streams.incidents(json!({})).await;
    first.extend(second);
    let (answer, again) = streams.incidents(json!({ "since": after(-1000) })).await;
    assert_eq!(again, first);
    assert_eq!(answer["delivered"], 2);
    let (_, later) = streams.incidents(json!({ "since": after(40) })).await;
    assert_eq!(later, first[1..]);
}
