//! Whatever groups are chosen, `template.yaml` refers to nothing that it does not declare, nor to what is not deployed.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::unrolled::{EVERYTHING, Parameters, read_by_sam};

/// The default, each group alone, all of them, and all of them with everything that is asked for besides.
const CHOICES: [Parameters; 22] = [
    &[],
    &[("Groups", "reading")],
    &[("Groups", "hunting")],
    &[("Groups", "changing")],
    &[("Endpoint", "reading")],
    &[("Endpoint", "reading,changing")],
    &[("Groups", "reading"), EVERYTHING[2], EVERYTHING[3]],
    &[("Results", "deploy"), ("Streaming", "deploy")],
    &[
        ("Groups", "hunting"),
        ("Tenants", "deploy"),
        ("AllowedTenants", "registry"),
    ],
    &[
        ("Groups", "changing"),
        ("Tenants", "deploy"),
        ("Credential", "aws"),
        EVERYTHING[2],
    ],
    &[
        ("Credential", "certificate"),
        ("TenantIsolation", "per-tenant"),
    ],
    EVERYTHING,
    &[
        EVERYTHING[0],
        EVERYTHING[1],
        ("Tenants", "deploy"),
        ("TenantIsolation", "per-tenant"),
    ],
    &[
        EVERYTHING[0],
        EVERYTHING[2],
        EVERYTHING[3],
        EVERYTHING[4],
        ("Approval", "none"),
        ("CallerArn", "arn:aws:iam::111122223333:root"),
        ("ResponderArn", "arn:aws:iam::111122223333:root"),
        ("JwtIssuer", "https://issuer.example"),
        ("JwtAudience", "defender"),
    ],
    &[("Groups", "changing"), ("Agents", "deploy")],
    &[
        ("Agents", "deploy"),
        EVERYTHING[12],
        EVERYTHING[13],
        ("Credential", "aws"),
        ("Tenants", "deploy"),
        ("AllowedTenants", "registry"),
    ],
    &[COLLECT],
    &[COLLECT, ("Sink", "sqs-fifo"), ("IncidentsSchedule", "")],
    &[COLLECT, ("Sink", "s3"), ("AlertsSchedule", "")],
    &[
        COLLECT,
        ("Groups", "hunting"),
        ("Sink", "s3"),
        ("SinkName", "lake/defender"),
        ("SinkArn", "arn:aws:s3:::lake/defender"),
    ],
    &[COLLECT, ("Sink", "firehose")],
    &[
        COLLECT,
        ("Tenants", "deploy"),
        ("AllowedTenants", "registry"),
        ("CollectTenants", "own,registry"),
        EVERYTHING[8],
        EVERYTHING[9],
        EVERYTHING[10],
        ("AlarmTopicArn", "arn:aws:sns:eu-west-1:111122223333:alarms"),
    ],
];

const COLLECT: (&str, &str) = ("Collect", "deploy");

const PSEUDO_PARAMETERS: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// CloudFormation refuses a template that does, even where a condition leaves out what refers.
#[test]
fn whatever_is_referred_to_is_declared() {
    for groups in CHOICES {
        let template = &read_by_sam(groups)["references"];
        for (id, part) in parts(template) {
            for name in references(part, None) {
                let declared = PSEUDO_PARAMETERS.contains(&name.as_str())
                    || template["Parameters"][&name].is_object()
                    || template["Resources"][&name].is_object();
                assert!(declared, "with {groups:?}, {id} refers to {name}");
            }
        }
    }
}

#[test]
fn what_is_deployed_refers_to_nothing_that_is_not() {
    for groups in CHOICES {
        let read = read_by_sam(groups);
        let (template, conditions) = (&read["references"], &read["conditions"]);
        let deployed = |part: &Value| {
            let condition = part["Condition"].as_str();
            condition.is_none_or(|name| {
                let holds = conditions[name].as_bool();
                holds.unwrap_or_else(|| panic!("there is no condition {name}"))
            })
        };
        for (id, part) in parts(template).filter(|(_, part)| deployed(part)) {
            for name in references(part, Some(conditions)) {
                let referred = &template["Resources"][&name];
                assert!(
                    referred.is_null() || deployed(referred),
                    "with {groups:?}, {id} refers to {name}, which is not deployed"
                );
            }
        }
    }
}

#[test]
fn a_group_is_deployed_if_it_is_chosen() {
    let template = &read_by_sam(&[])["loops"];
    let choices = template["Parameters"]["Groups"]["AllowedValues"]
        .as_array()
        .expect("what may be chosen");
    assert_eq!(
        choices.len(),
        7,
        "three groups, in any company: {choices:?}"
    );
    for choice in choices.iter().filter_map(Value::as_str) {
        let conditions = &read_by_sam(&[("Groups", choice)])["conditions"];
        for group in ["reading", "hunting", "changing"] {
            let chosen = choice.split(',').any(|chosen| chosen == group);
            assert_eq!(conditions[group], chosen, "{group} with {choice}");
        }
    }
}

#[test]
fn the_same_is_declared_whatever_groups_are_chosen() {
    let declared = |groups: Parameters| {
        let template = &read_by_sam(groups)["references"];
        parts(template)
            .map(|(id, _)| id.to_owned())
            .collect::<BTreeSet<_>>()
    };
    for groups in CHOICES {
        assert_eq!(declared(groups), declared(&[]), "{groups:?}");
    }
}

/// CloudFormation leaves a loop's variable in a text that names what is known only later, the stack's name for one.
#[test]
fn a_loop_has_a_list_and_makes_names_of_its_variable_alone() {
    let template = &read_by_sam(&[])["loops"];
    let resources = template["Resources"].as_object().expect("resources");
    let conditions = template["Conditions"].as_object().expect("conditions");
    let loops = resources.iter().chain(conditions);
    let mut seen = 0;
    for (name, parts) in loops.filter(|(name, _)| name.starts_with("Fn::ForEach::")) {
        let variable = format!("${{{}}}", parts[0].as_str().expect("a loop's variable"));
        let list = parts[1].as_array();
        assert!(
            list.is_some_and(|list| list.iter().all(Value::is_string)),
            "{name} runs over {}",
            parts[1]
        );
        for text in substitutions(&parts[2]) {
            let others = text.replace(&variable, "").contains("${");
            assert!(!others || !text.contains(&variable), "{name} has {text}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no loop makes a name");
}

/// Resources and outputs.
fn parts(template: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let sections = [&template["Resources"], &template["Outputs"]];
    let entries = sections.map(|section| section.as_object().expect("a section has names"));
    let entries = entries.into_iter().flatten();
    entries.map(|(id, part)| (id.as_str(), part))
}

/// What a part refers to by name; of an `Fn::If` both, or what its condition picks.
fn references(part: &Value, conditions: Option<&Value>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(part, conditions, &mut names);
    match &part["DependsOn"] {
        Value::Array(several) => names.extend(several.iter().map(text)),
        Value::Null => {}
        one => drop(names.insert(text(one))),
    }
    names
}

fn collect(value: &Value, conditions: Option<&Value>, names: &mut BTreeSet<String>) {
    let function = value.as_object().and_then(only);
    match (function, conditions) {
        (Some(("Ref", name)), _) => {
            names.insert(text(name));
        }
        (Some(("Fn::GetAtt", target)), _) => {
            let name = text(target.get(0).unwrap_or(target));
            names.insert(name.split('.').next().unwrap_or_default().to_owned());
        }
        (Some(("Fn::Sub", of)), _) => {
            let own = of.get(1).unwrap_or(&Value::Null);
            let text = text(of.get(0).unwrap_or(of));
            let named = text.split("${").skip(1).filter_map(|rest| {
                let (name, _) = rest.split_once('}')?;
                name.split('.').next()
            });
            let named = named.filter(|name| !name.starts_with('!') && own[*name].is_null());
            names.extend(named.map(str::to_owned));
            collect(own, conditions, names);
        }
        (Some(("Fn::If", branches)), Some(conditions)) => {
            let holds = &conditions[text(&branches[0])];
            let taken = if holds == true { 1 } else { 2 };
            collect(&branches[taken], Some(conditions), names);
        }
        _ => each(value, &mut |inner| collect(inner, conditions, names)),
    }
}

/// The texts of the `Fn::Sub`s in it.
fn substitutions(value: &Value) -> Vec<String> {
    if let Some(("Fn::Sub", of)) = value.as_object().and_then(only) {
        return vec![text(of.get(0).unwrap_or(of))];
    }
    let mut texts = Vec::new();
    each(value, &mut |inner| texts.extend(substitutions(inner)));
    texts
}

fn each(value: &Value, look: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(fields) => fields.values().for_each(look),
        Value::Array(items) => items.iter().for_each(look),
        _ => {}
    }
}

/// A function of CloudFormation is an object with one field.
fn only(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, value) = fields.iter().next()?;
    (fields.len() == 1).then_some((name.as_str(), value))
}

/// A name, or what a loop made into one.
fn text(value: &Value) -> String {
    let name = value.as_str().or_else(|| value["Fn::Sub"].as_str());
    name.unwrap_or_else(|| panic!("{value} is no name"))
        .to_owned()
}
