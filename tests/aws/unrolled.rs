//! `template.yaml` as SAM's own code unrolls it, and what the tests look up in it.

use defender_functions::operation::Entry;
use serde_json::Value;

use crate::{checkout, python::Python};

/// The whole of it, as JSON.
pub struct Template(pub Value);

impl Template {
    /// With every group of operations in it.
    pub fn unrolled() -> Self {
        Self(read_by_sam(Some("reading,hunting,changing"))["unrolled"].take())
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

    /// What the policies of an operation's role allow: (action, resource).
    pub fn allowed(&self, id: &str) -> Vec<(String, Value)> {
        let inline = self.properties(&format!("{id}Role"))["Policies"]
            .as_array()
            .into_iter()
            .flatten();
        let attached = self.of_type("AWS::IAM::Policy").filter_map(|(_, policy)| {
            let roles = policy["Properties"]["Roles"].as_array()?;
            roles
                .iter()
                .any(|role| role["Ref"] == format!("{id}Role"))
                .then_some(&policy["Properties"])
        });
        let statements = inline
            .chain(attached)
            .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
        let mut allowed = Vec::new();
        for statement in statements {
            assert_eq!(statement["Effect"], "Allow", "{statement}");
            for action in list(&statement["Action"]) {
                let action = action.as_str().expect("actions are text").to_owned();
                allowed.push((action, statement["Resource"].clone()));
            }
        }
        allowed
    }
}

/// What `expand.py` prints of the template with these groups, or with the default ones.
pub fn read_by_sam(groups: Option<&str>) -> Value {
    let path = checkout("template.yaml");
    let mut arguments = vec![path.to_str().expect("the checkout has a plain path")];
    arguments.extend(groups);
    Python::sam().script("expand.py", &arguments)
}

/// IAM takes one thing where a list is meant.
fn list(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |values| values.iter().collect())
}

/// `list_incidents` is `ListIncidents` where CloudFormation takes no underscore.
pub fn logical_id(operation: &Entry) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    operation.name.split('_').map(capital).collect()
}
