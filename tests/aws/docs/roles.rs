//! The threat model speaks of every role that there is.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    checkout,
    unrolled::{Template, everything},
};

#[test]
fn the_threat_model_has_a_row_for_every_role() {
    let template = Template::unrolled();
    let roles: BTreeSet<String> = template
        .of_type("AWS::IAM::Role")
        .map(|(id, _)| id.to_owned())
        .collect();
    let page = fs::read_to_string(checkout("docs/threat-model.md")).expect("it is in the checkout");
    let (_, table) = page
        .split_once("| role | acts as |")
        .expect("the table is there");
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let named = rows.flat_map(|row| {
        let first = row.split('|').nth(1).unwrap_or_default();
        first
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), roles);
}

/// A function that is taken over acts as the app whose credential its role can have.
#[test]
fn the_threat_model_says_which_app_each_role_acts_as() {
    let page = fs::read_to_string(checkout("docs/threat-model.md")).expect("it is in the checkout");
    let template = Template::unrolled();
    // What people assume has managed policies, and no secret.
    let own = |(_, role): &(&str, &Value)| role["Properties"]["ManagedPolicyArns"].is_null();
    for (role, _) in template.of_type("AWS::IAM::Role").filter(own) {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{role}` | ")));
        let row = row.unwrap_or_else(|| panic!("{role} has no row"));
        let allowed = template.allowed(role);
        let mut secrets = allowed
            .iter()
            .filter(|(action, _)| action == "secretsmanager:GetSecretValue");
        let secret = secrets.next().map(|(_, secret)| secret);
        let app = match secret {
            None => "nobody",
            Some(secret) if secret == everything("ResponseClientSecretArn") => "second app",
            Some(_) => "first app",
        };
        assert!(
            row.contains(&format!("| `{role}` | {app} | ")),
            "{role} acts as {app}: {row}"
        );
    }
}
