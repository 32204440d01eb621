//! The deployed streams: a schedule's target runs the real `bootstrap`, and what a simulated tenant updated arrives at the sink.

use std::cell::RefCell;

use serde_json::{Value, json};
use simulator::{Incident, Simulator, time};

use crate::stack::{STACK, Stack};

const TENANT: &str = "harbourline.example";
/// Before anything that happened in the simulated tenants.
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

/// Has an incident of a tenant updated now, by the simulator's clock.
fn update(stack: &Stack, tenant: &str, id: u64) -> String {
    let now = stack.simulator.now();
    let tick = time::parse(&now).expect("an instant");
    stack.simulator.edit(tenant, |tenant| {
        let incident = Incident::new(&tenant.tenant_id, id, &time::format(tick));
        tenant.incidents.put(incident);
        tenant.tenant_id.clone()
    })
}

fn hasten(stack: &Stack, schedule: &str) {
    let schedule = format!("{STACK}-{schedule}");
    assert_eq!(
        stack.ask("hasten", json!({ "schedule": schedule })),
        json!({ "schedule": "rate(5 minutes)", "state": "ENABLED" })
    );
}

fn drain(stack: &Stack, queue: &str) -> Vec<Value> {
    let messages = stack.ask("drain", json!({ "name": queue }));
    serde_json::from_value(messages).expect("a list")
}

#[test]
fn a_schedule_delivers_what_was_updated_to_the_bus() {
    let stack = Stack::deploy("streams", &[("Collect", "deploy"), ("AlertsSchedule", "")]);
    let bus = stack.ask(
        "resource",
        json!({ "stack": STACK, "name": "CollectedBus" }),
    );
    stack.ask("tap", json!({ "bus": bus, "queue": "tap" }));

    // Nobody started it: it begins a look-back before now, which is long after the simulator's.
    let unknown = stack.invoke("GetCheckpoint", json!({ "stream": "incidents" }));
    assert_eq!(unknown["payload"]["errorType"], "NotFound", "{unknown}");
    let started = stack.invoke("CollectIncidents", json!({ "since": LONG_AGO }));
    let answer = &started["payload"];
    assert_eq!(
        answer["complete"],
        true,
        "{started}\n{}",
        stack.ministack.log()
    );
    let all = stack
        .simulator
        .edit(TENANT, |tenant| tenant.incidents.len());
    assert!(answer["delivered"].as_u64() >= Some(1), "{answer}");
    assert!(answer["delivered"].as_u64() <= Some(all as u64), "{answer}");
    let delivered = drain(&stack, "tap");
    assert_eq!(answer["delivered"], delivered.len(), "{answer}");

    let tenant = update(&stack, TENANT, 40_001);
    hasten(&stack, "incidents");
    let arrived = stack.wait_for("the event of the schedule's run", |stack| {
        let arrived = drain(stack, "tap");
        (!arrived.is_empty()).then_some(arrived)
    });
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    let event = &arrived[0];
    assert_eq!(event["source"], "defender.xdr");
    assert_eq!(event["detail-type"], "Incident");
    let detail = &event["detail"];
    assert_eq!(detail["stream"], "incidents");
    assert_eq!(detail["tenantId"], tenant.as_str());
    assert_eq!(detail["item"]["id"], "40001");

    who_signs_can_watch_the_stream(&stack);
    // The table, and nobody's question, says that it was delivered.
    let again = stack.invoke("CollectIncidents", json!({}));
    assert_eq!(again["payload"]["delivered"], 0, "{again}");
    assert_eq!(drain(&stack, "tap"), [] as [Value; 0]);
}

fn who_signs_can_watch_the_stream(stack: &Stack) {
    let reply = |api: &str, method: &str, path: &str, signed: bool| {
        let request =
            json!({ "api": api, "method": method, "path": path, "body": "", "signed": signed });
        stack.ask("request", request)
    };
    let collecting = format!("{STACK}-collecting");
    let stands = reply(&collecting, "GET", "/collections/incidents", true);
    assert_eq!(stands["status"], 200, "{stands}");
    let body: Value =
        serde_json::from_str(stands["body"].as_str().expect("a text")).expect("it is JSON");
    assert_eq!(body["stream"], "incidents");
    assert_eq!(body["running"], false);
    let rewound = reply(&collecting, "POST", "/collections/incidents", false);
    assert_eq!(rewound["status"], 403, "{rewound}");
    // What reads has another API, which has no such route.
    let elsewhere = reply(STACK, "POST", "/collections/incidents", true);
    assert_eq!(elsewhere["status"], 404, "{elsewhere}");
}

#[test]
fn a_schedule_delivers_what_all_tenants_updated_to_the_queue() {
    let simulator = Simulator::builder()
        .customers(2)
        .start()
        .expect("loopback has a free port");
    let customers = simulator.customers();
    let stack = Stack::deploy_before(
        "all-streams",
        simulator,
        &[
            ("Groups", "hunting"),
            ("Tenants", "deploy"),
            ("AllowedTenants", "registry"),
            ("ReservedConcurrency", "0"),
            ("Collect", "deploy"),
            ("CollectTenants", "own,registry"),
            ("Sink", "sqs"),
            ("AlertsSchedule", ""),
        ],
    );
    let table = json!({ "stack": STACK, "name": "TenantsTable" });
    let table = stack.ask("resource", table);
    for customer in &customers {
        let row = json!({ "pk": customer, "state": "active" });
        stack.ask("put_tenant", json!({ "table": table, "row": row }));
    }
    let queue = stack.ask(
        "resource",
        json!({ "stack": STACK, "name": "CollectedQueue" }),
    );
    let (_, queue) = queue
        .as_str()
        .and_then(|url| url.rsplit_once('/'))
        .expect("a queue goes by its URL");

    let start = json!({ "operation": "collect_incidents", "input": { "since": LONG_AGO } });
    let ended = stack.execute("collect-for-each-tenant", &start);
    let output = ended.successfully(&stack);
    assert_eq!(output["succeeded"], 3, "{output}");
    let answers = output["results"].as_array().expect("a list");
    let delivered: u64 = answers
        .iter()
        .filter_map(|one| one["answer"]["delivered"].as_u64())
        .sum();
    assert!(delivered > 0, "{output}");
    assert_eq!(drain(&stack, queue).len() as u64, delivered, "{output}");

    let mut expected: Vec<String> = customers
        .iter()
        .map(|customer| update(&stack, customer, 40_002))
        .collect();
    expected.push(update(&stack, TENANT, 40_002));
    expected.sort();
    hasten(&stack, "incidents");
    let arrived = RefCell::new(Vec::new());
    let mut tenants = stack.wait_for("an event of each tenant", |stack| {
        let mut arrived = arrived.borrow_mut();
        arrived.extend(drain(stack, queue));
        (arrived.len() >= expected.len()).then(|| arrived.clone())
    });
    tenants.sort_by_key(|event: &Value| event["tenantId"].to_string());
    let tenants: Vec<_> = tenants
        .iter()
        .map(|event| (&event["tenantId"], &event["item"]["id"]))
        .collect();
    let (id, expected): (_, Vec<_>) = (
        json!("40002"),
        expected.iter().map(|one| json!(one)).collect(),
    );
    assert_eq!(
        tenants,
        expected.iter().map(|one| (one, &id)).collect::<Vec<_>>()
    );
    nothing_but_streams_is_run(&stack);
}

fn nothing_but_streams_is_run(stack: &Stack) {
    for operation in ["list_incidents", "run_hunting_query", "list_tenants"] {
        let ended = stack.execute(
            "collect-for-each-tenant",
            &json!({ "operation": operation }),
        );
        let cause = ended.with("InvalidInput", "InvalidInput");
        assert!(cause.contains("collect_alerts"), "{cause}");
    }
}
