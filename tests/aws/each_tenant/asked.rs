//! What may be asked, and of whom.

use std::collections::BTreeSet;

use defender_functions::operations::OPERATIONS;
use serde_json::{Value, json};

use super::{evaluate, evaluated, states, streams};
use crate::unrolled::{Template, group_and_role, logical_id};

#[test]
fn what_reads_can_be_asked_of_every_tenant_and_nothing_else() {
    let states = states(&[]);
    let operations = &states["Begin"]["Assign"]["operations"];
    let offered = evaluate(operations, json!({}), json!({}));
    let offered: BTreeSet<&str> = offered
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let reads = OPERATIONS.iter().filter(|operation| {
        ["reading", "hunting", "endpointReading"].contains(&group_and_role(operation).0)
    });
    let reads: Vec<_> = reads.collect();
    assert_eq!(offered, reads.iter().map(|one| one.name).collect());
    assert!(reads.iter().all(|one| !one.changes));

    // Each by the name of its function.
    let function = &states["Share"]["Assign"]["function"];
    let asked = reads.iter().map(|operation| {
        json!({ "expression": function, "states": {}, "variables": { "operation": operation.name } })
    });
    let named = evaluated(&asked.collect::<Vec<_>>());
    let functions = "arn:aws:lambda:eu-west-1:111122223333:function:defender-";
    let names = reads
        .iter()
        .map(|operation| format!("{functions}{}", logical_id(operation)));
    assert_eq!(named, names.collect::<Vec<_>>());
}

#[test]
fn a_workflow_of_its_own_runs_the_streams_of_every_tenant_and_nothing_else() {
    let begin = &streams(&[])["Begin"]["Assign"];
    let offered = evaluate(&begin["operations"], json!({}), json!({}));
    let collects = OPERATIONS
        .iter()
        .filter(|operation| group_and_role(operation).0 == "collecting");
    let collects: Vec<_> = collects.map(|operation| operation.name).collect();
    assert_eq!(offered, json!(collects));
}

#[test]
fn whose_stack_it_is_comes_first_where_its_streams_are_run_too_and_once() {
    let (own, other) = ("11111111-2222-3333-4444-555555555555", "a");
    for (chosen, own) in [("registry", None), ("own,registry", Some(own))] {
        let states = streams(&[("CollectTenants", chosen), ("TenantId", own.unwrap_or("b"))]);
        let before = evaluate(&states["Begin"]["Assign"]["tenants"], json!({}), json!({}));
        let before_any: Vec<&str> = own.into_iter().collect();
        assert_eq!(before, json!(before_any), "{chosen}");
        let row = |id: &str| json!({ "tenantId": id, "state": "active" });
        let rows = [own.unwrap_or(other), other].map(row);
        let result = json!({ "result": { "Payload": { "items": rows } } });
        let listed = &states["ListTenants"]["Assign"]["tenants"];
        let tenants = evaluate(listed, result, json!({ "tenants": before }));
        let expected: Vec<&str> = own.into_iter().chain([other]).collect();
        assert_eq!(tenants, json!(expected), "{chosen}");
    }
}

/// Were the list of operations wrong, the role would still refuse.
#[test]
fn the_role_invokes_only_what_reads_or_only_what_collects() {
    let reads = json!(["reading", "hunting", "endpointReading"]);
    the_role_invokes_only("ForEachTenantRole", reads);
    the_role_invokes_only("CollectForEachTenantRole", json!("collecting"));
}

fn the_role_invokes_only(role: &str, groups: Value) {
    let template = Template::unrolled();
    let statements = template.statements(role);
    let mut by_tag = 0;
    for statement in statements {
        if !statement["Action"].to_string().contains("lambda:") {
            continue;
        }
        let condition = &statement["Condition"]["StringEquals"];
        if condition.is_null() {
            assert_eq!(
                statement["Resource"],
                json!([{ "Fn::GetAtt": ["ListTenants", "Arn"] }])
            );
            continue;
        }
        let stack = &condition["aws:ResourceTag/aws:cloudformation:stack-id"]["Ref"];
        assert_eq!(*stack, "AWS::StackId");
        assert_eq!(condition["aws:ResourceTag/group"], groups);
        by_tag += 1;
    }
    assert_eq!(by_tag, 1);
}

#[test]
fn a_wrong_input_is_refused_before_any_tenant_is_asked() {
    let states = states(&[]);
    let begin = states["Begin"]["Assign"].as_object().expect("variables");
    let choices = states["Check"]["Choices"].as_array().expect("choices");
    let next = |input: Value| {
        let states_of = json!({ "input": input });
        let asked: Vec<_> = begin
            .values()
            .map(|expression| json!({ "expression": expression, "states": states_of }))
            .filter(|asked| {
                asked["expression"]
                    .as_str()
                    .is_some_and(|text| text.starts_with("{%"))
            })
            .collect();
        let mut values = evaluated(&asked).into_iter();
        let variables: Value = begin
            .iter()
            .map(|(name, given)| match given.as_str() {
                Some(_) => (name.clone(), values.next().expect("a value for each")),
                None => (name.clone(), given.clone()),
            })
            .collect();
        let conditions = choices.iter().map(|choice| {
            json!({ "expression": choice["Condition"], "states": {}, "variables": variables })
        });
        let hold = evaluated(&conditions.collect::<Vec<_>>());
        let chosen = choices.iter().zip(hold).find(|(_, holds)| *holds == true);
        let next = chosen.map_or(&states["Check"]["Default"], |(choice, _)| &choice["Next"]);
        next.as_str().expect("a state").to_owned()
    };
    for input in [
        json!({}),
        json!({ "operation": "update_incident" }),
        json!({ "operation": "isolate_device" }),
        json!({ "operation": "list_tenants" }),
        json!({ "operation": "" }),
        json!({ "operation": "list_incidents", "tenant": "a" }),
        json!({ "operation": "list_incidents", "input": "top" }),
        json!({ "operation": "list_incidents", "input": { "tenantId": "a" } }),
        json!({ "operation": "list_incidents", "input": { "maxAnswerBytes": 1 } }),
        json!({ "operation": "list_incidents", "tenants": "a" }),
        json!({ "operation": "list_incidents", "tenants": [] }),
        json!({ "operation": "list_incidents", "tenants": ["a", 1] }),
        json!({ "operation": "list_incidents", "maxConcurrency": 0 }),
        json!({ "operation": "list_incidents", "maxConcurrency": 1.5 }),
        json!({ "operation": "list_incidents", "maxConcurrency": "2" }),
    ] {
        assert_eq!(next(input.clone()), "InvalidInput", "{input}");
    }
    let all = json!({ "operation": "list_incidents", "input": { "top": 5 }, "maxConcurrency": 8 });
    assert_eq!(next(all), "ListTenants");
    let some = json!({ "operation": "check_token", "tenants": ["a"] });
    assert_eq!(next(some), "Count");
}

#[test]
fn tenants_are_asked_once_each_and_those_only_invited_are_not() {
    let states = states(&[]);
    let choices = states["Check"]["Choices"].as_array().expect("choices");
    let named = &choices.last().expect("a choice")["Assign"]["tenants"];
    for (given, tenants) in [
        (json!(["a"]), json!(["a"])),
        (json!(["B", "a", "b"]), json!(["b", "a"])),
    ] {
        assert_eq!(
            evaluate(named, json!({}), json!({ "named": given })),
            tenants
        );
    }
    let listed = &states["ListTenants"]["Assign"];
    let row = |id: &str, state: &str| json!({ "tenantId": id, "state": state });
    for (before, rows, tenants) in [
        (json!([]), json!([]), json!([])),
        (json!([]), json!([row("a", "active")]), json!(["a"])),
        (
            json!(["a"]),
            json!([
                row("b", "invited"),
                row("c", "incomplete"),
                row("d", "active")
            ]),
            json!(["a", "c", "d"]),
        ),
    ] {
        let result = json!({ "result": { "Payload": { "items": rows, "next": "more" } } });
        let variables = json!({ "tenants": before });
        let seen = evaluate(&listed["tenants"], result.clone(), variables.clone());
        assert_eq!(seen, tenants);
        assert_eq!(evaluate(&listed["cursor"], result, variables), "more");
    }
    let last = json!({ "result": { "Payload": { "items": [] } } });
    assert_eq!(evaluate(&listed["cursor"], last, json!({})), "");
}
