//! `template.yaml` as SAM's own code unrolls it, and what the tests look up in it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use defender_functions::operation::{Entry, Group};
use serde_json::{Map, Value, json};

use crate::{checkout, python::Python};

/// Values for parameters of the template.
pub type Parameters<'a> = &'a [(&'a str, &'a str)];

/// Everything that can be deployed.
pub const EVERYTHING: Parameters = &[
    ("Groups", "reading,hunting,changing"),
    ("Endpoint", "reading,changing"),
    ("ResponseClientId", "33333333-4444-5555-6666-777777777777"),
    (
        "ResponseClientSecretArn",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:responders-aBcDeF",
    ),
    ("Workflows", "deploy"),
    ("Tenants", "deploy"),
    (
        "ClientSecretArn",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:readers-aBcDeF",
    ),
    ("Collect", "deploy"),
    ("HuntingSchedule", "rate(1 hour)"),
    ("HuntName", "encoded-powershell"),
    ("HuntQuery", HUNT),
    ("Agents", "deploy"),
    ("AgentTools", "update_incident,comment_incident"),
    (
        "AgentGatewayRoleArn",
        "arn:aws:iam::444455556666:role/defender-gateway",
    ),
];

/// A query with what JSON and a template's substitutions take amiss.
pub const HUNT: &str =
    "DeviceProcessEvents\n| where ProcessCommandLine has \"-enc\" and FolderPath !has @'C:\\'";

/// The value of one of these.
pub fn everything(parameter: &str) -> &'static str {
    let one = EVERYTHING.iter().find(|(name, _)| *name == parameter);
    one.expect("it is one of them").1
}

/// The whole of it, as JSON.
pub struct Template(pub Value);

impl Template {
    /// With everything in it.
    pub fn unrolled() -> Self {
        Self::with(&[])
    }

    /// With everything in it, and these values.
    pub fn with(more: Parameters) -> Self {
        let parameters = [EVERYTHING, more].concat();
        Self(read_by_sam(&parameters)["unrolled"].take())
    }

    /// Logical ids and resources.
    pub fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.0["Resources"]
            .as_object()
            .expect("a template has resources");
        let of_type = resources
            .iter()
            .filter(move |(_, resource)| resource["Type"] == kind);
        of_type.map(|(id, resource)| (id.as_str(), resource))
    }

    /// The properties of a resource.
    #[track_caller]
    pub fn properties(&self, id: &str) -> &Value {
        let properties = &self.0["Resources"][id]["Properties"];
        assert!(properties.is_object(), "the template has no {id}");
        properties
    }

    /// The variables of a function, those that every function has included.
    pub fn environment(&self, id: &str) -> Map<String, Value> {
        let variables = |of: &Value| of["Environment"]["Variables"].as_object().cloned();
        let mut all = variables(&self.0["Globals"]["Function"]).expect("variables");
        all.extend(variables(self.properties(id)).unwrap_or_default());
        // Those that a condition leaves out.
        all.retain(|_, value| !value.is_null());
        all
    }

    /// The statements of the policies of a role.
    pub fn statements(&self, role: &str) -> Vec<&Value> {
        let role = self.properties(role);
        assert!(role["ManagedPolicyArns"].is_null(), "{role}");
        let policies = list(&role["Policies"]).into_iter();
        let statements = policies.flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
        // A statement that a condition leaves out is a reference to AWS::NoValue.
        let statements = statements.filter(|statement| statement["Ref"].is_null());
        statements
            .inspect(|statement| assert_eq!(statement["Effect"], "Allow", "{statement}"))
            .collect()
    }

    /// What they allow: (action, resource).
    pub fn allowed(&self, role: &str) -> Vec<(String, Value)> {
        let mut allowed = Vec::new();
        for statement in self.statements(role) {
            for action in list(&statement["Action"]) {
                let action = action.as_str().expect("actions are text").to_owned();
                for resource in list(&statement["Resource"]) {
                    allowed.push((action.clone(), resource.clone()));
                }
            }
        }
        allowed
    }
}

/// What `expand.py` prints of the template with these parameters. It takes seconds, so that it is kept.
pub fn read_by_sam(parameters: Parameters) -> Value {
    static READ: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let printed = read.entry(format!("{parameters:?}"));
    printed
        .or_insert_with(|| expanded("template.yaml", parameters))
        .clone()
}

/// What `expand.py` prints of the nested stack that watches.
pub fn monitoring() -> Value {
    static READ: OnceLock<Value> = OnceLock::new();
    let parameters = [
        ("Stack", "defender"),
        ("LogGroups", "/aws/lambda/defender-reading"),
    ];
    READ.get_or_init(|| expanded("monitoring.yaml", &parameters))
        .clone()
}

fn expanded(name: &str, parameters: Parameters) -> Value {
    let path = checkout(name);
    let path = path.to_str().expect("the checkout has a plain path");
    let chosen: Map<String, Value> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    Python::sam().script("expand.py", &[path, &Value::from(chosen).to_string()])
}

/// IAM takes one thing where a list is meant.
pub fn list(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |values| values.iter().collect())
}

/// `list_incidents` is `ListIncidents` where CloudFormation takes no underscore.
pub fn logical_id(operation: &Entry) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    operation.name.split('_').map(capital).collect()
}

/// The condition of an operation's route: what reads has none where each tenant has processes of its own.
pub fn routes(group: &str) -> String {
    match group {
        "reading" | "hunting" | "endpointReading" => format!("{group}Routes"),
        _ => group.to_owned(),
    }
}

/// The HTTP API of a group's operations.
pub fn api(group: &str) -> &'static str {
    match group {
        "responding" => "ResponseApi",
        "tenants" => "TenantsApi",
        "collecting" => "CollectingApi",
        _ => "HttpApi",
    }
}

/// The group that an operation is deployed with, and the role that it runs in.
pub fn group_and_role(operation: &Entry) -> (&'static str, &'static str) {
    let writes = |permission: &&str| permission.contains("ReadWrite");
    match (operation.group, operation.permissions.endpoint.first()) {
        (Group::Token, _) => ("reading", "CheckingRole"),
        (Group::Tenants, _) => match operation.name {
            "onboard_tenant" => ("tenants", "OnboardingRole"),
            "complete_consent" => ("tenants", "CompletingRole"),
            "remove_tenant" => ("tenants", "RemovingRole"),
            _ => ("tenants", "ListingRole"),
        },
        (Group::Collecting, _) => match operation.name {
            "get_checkpoint" => ("collecting", "WatchingRole"),
            _ => ("collecting", "CollectingRole"),
        },
        (Group::Response | Group::Actions | Group::Library, _) => match operation.name {
            "save_package" => ("responding", "SavingRole"),
            _ if operation.changes => ("responding", "ActingRole"),
            _ => ("responding", "AskingRole"),
        },
        (_, Some(permission)) if writes(permission) => ("endpointChanging", "EndpointChangingRole"),
        (_, Some(_)) => ("endpointReading", "EndpointReadingRole"),
        (Group::Hunting, None) => ("hunting", "HuntingRole"),
        (_, None) if operation.changes => ("changing", "ChangingRole"),
        (_, None) => ("reading", "ReadingRole"),
    }
}
