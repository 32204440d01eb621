//! What the published schema (`tests/ocsf`) says against an event. Stricter than it in three things: nothing is null, no list is empty, and nothing
//! deprecated is used.

use std::{collections::HashMap, sync::LazyLock};

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Schema {
    version: String,
    types: HashMap<String, Type>,
    classes: HashMap<String, Object>,
    objects: HashMap<String, Object>,
}

#[derive(Deserialize)]
struct Type {
    #[serde(rename = "type")]
    base: Option<String>,
    #[serde(default, deserialize_with = "regex")]
    regex: Option<Regex>,
    max_len: Option<usize>,
    range: Option<[i64; 2]>,
}

#[derive(Deserialize)]
struct Object {
    uid: Option<i64>,
    #[serde(default)]
    constraints: HashMap<String, Vec<String>>,
    attributes: HashMap<String, Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(rename = "type")]
    kind: String,
    requirement: String,
    #[serde(default)]
    is_array: bool,
    object_type: Option<String>,
    sibling: Option<String>,
    #[serde(default)]
    profiles: Vec<String>,
    #[serde(rename = "enum")]
    members: Option<HashMap<String, String>>,
    #[serde(rename = "@deprecated")]
    deprecated: Option<String>,
}

fn regex<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Regex>, D::Error> {
    let text = String::deserialize(from)?;
    Regex::new(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../ocsf/schema.json")).unwrap());

/// Everything that is wrong with the event, as `<path>: <what>`; nothing if it is valid.
pub fn complaints(event: &Value) -> Vec<String> {
    let mut examination = Examination {
        profiles: texts(&event["metadata"]["profiles"]),
        complaints: Vec::new(),
    };
    examination.event(event);
    examination.complaints
}

struct Examination {
    profiles: Vec<String>,
    complaints: Vec<String>,
}

impl Examination {
    fn complain(&mut self, path: &str, what: impl std::fmt::Display) {
        self.complaints.push(format!("{path}: {what}"));
    }

    fn event(&mut self, event: &Value) {
        let class = &event["class_uid"];
        let of_uid = |known: &&Object| known.uid.is_some() && known.uid == class.as_i64();
        let Some(class) = SCHEMA.classes.values().find(of_uid) else {
            return self.complain("class_uid", format!("{class} is no class"));
        };
        let Some(attributes) = event.as_object() else {
            return self.complain("event", "is no object");
        };
        self.object("", class, attributes);
        if event["metadata"]["version"] != SCHEMA.version.as_str() {
            self.complain("metadata.version", "is another version of the schema");
        }
        let activity = event["activity_id"].as_i64().unwrap_or_default();
        if event["type_uid"].as_i64() != class.uid.map(|uid| uid * 100 + activity) {
            self.complain("type_uid", "is not class_uid * 100 + activity_id");
        }
    }

    fn object(&mut self, path: &str, object: &Object, attributes: &Map<String, Value>) {
        // The object called so is any object.
        if object.attributes.is_empty() {
            return;
        }
        let below = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        for (name, attribute) in &object.attributes {
            if attribute.requirement == "required"
                && self.applies(attribute)
                && !attributes.contains_key(name)
            {
                self.complain(&below(name), "is required");
            }
        }
        for (constraint, names) in &object.constraints {
            let given = names
                .iter()
                .filter(|name| attributes.contains_key(*name))
                .count();
            match constraint.as_str() {
                "at_least_one" if given == 0 => {
                    self.complain(path, format!("has none of {names:?}"))
                }
                "just_one" if given != 1 => {
                    self.complain(path, format!("has not one of {names:?}"))
                }
                "at_least_one" | "just_one" => {}
                unknown => self.complain(path, format!("unknown constraint {unknown}")),
            }
        }
        for (name, value) in attributes {
            match object.attributes.get(name) {
                Some(attribute) if self.applies(attribute) => {
                    self.attribute(&below(name), attribute, value);
                    self.sibling(&below(name), attribute, value, attributes);
                }
                Some(_) => {
                    self.complain(&below(name), "is of a profile that the event does not name")
                }
                None => self.complain(&below(name), "is no attribute"),
            }
        }
    }

    fn applies(&self, attribute: &Attribute) -> bool {
        let named = |profile| self.profiles.contains(profile);
        attribute.profiles.is_empty() || attribute.profiles.iter().any(named)
    }

    fn attribute(&mut self, path: &str, attribute: &Attribute, value: &Value) {
        if let Some(since) = &attribute.deprecated {
            self.complain(path, format!("is deprecated since {since}"));
        }
        match value {
            Value::Array(values) if attribute.is_array => {
                if values.is_empty() {
                    self.complain(path, "is empty");
                }
                for (index, value) in values.iter().enumerate() {
                    self.value(&format!("{path}[{index}]"), attribute, value);
                }
            }
            _ if attribute.is_array => self.complain(path, "is no list"),
            value => self.value(path, attribute, value),
        }
    }

    fn value(&mut self, path: &str, attribute: &Attribute, value: &Value) {
        if let Some(name) = &attribute.object_type {
            match value.as_object() {
                Some(attributes) => self.object(path, &SCHEMA.objects[name], attributes),
                None => self.complain(path, format!("is no {name}")),
            }
            return;
        }
        let mut kind = attribute.kind.as_str();
        while let Some(known) = SCHEMA.types.get(kind) {
            self.restrictions(path, known, value);
            match &known.base {
                Some(base) => kind = base,
                None => break,
            }
        }
        let fits = match kind {
            "string_t" => value.is_string(),
            "integer_t" | "long_t" => value.is_i64(),
            "float_t" => value.is_number(),
            "boolean_t" => value.is_boolean(),
            "json_t" => !value.is_null(),
            unknown => panic!("unknown type {unknown}"),
        };
        if !fits {
            self.complain(path, format!("{value} is no {}", attribute.kind));
        }
        if let Some(members) = &attribute.members
            && !members.contains_key(&plain(value))
        {
            self.complain(path, format!("{value} is no member"));
        }
    }

    fn restrictions(&mut self, path: &str, known: &Type, value: &Value) {
        let text = value.as_str().unwrap_or_default();
        if known
            .regex
            .as_ref()
            .is_some_and(|regex| !regex.is_match(text))
        {
            self.complain(path, format!("{value} does not match"));
        }
        if known
            .max_len
            .is_some_and(|most| text.chars().count() > most)
        {
            self.complain(path, "is too long");
        }
        let number = value.as_i64().unwrap_or_default();
        if known
            .range
            .is_some_and(|[least, most]| number < least || number > most)
        {
            self.complain(path, "is out of range");
        }
    }

    /// The text beside an enum member is its caption, or, where it is 99, the source's own word.
    fn sibling(
        &mut self,
        path: &str,
        attribute: &Attribute,
        id: &Value,
        beside: &Map<String, Value>,
    ) {
        let (Some(sibling), Some(members)) = (&attribute.sibling, &attribute.members) else {
            return;
        };
        let (ids, texts) = match (id, beside.get(sibling)) {
            (Value::Array(ids), Some(Value::Array(texts))) => (ids.clone(), texts.clone()),
            (Value::Array(ids), None) => (ids.clone(), Vec::new()),
            (id, text) => (vec![id.clone()], text.cloned().into_iter().collect()),
        };
        for (index, id) in ids.iter().enumerate() {
            let caption = members.get(&plain(id)).map(String::as_str);
            match texts.get(index).and_then(Value::as_str) {
                None if *id == 99 => self.complain(path, format!("is 99 without {sibling}")),
                Some("Other") if *id == 99 => {
                    self.complain(path, format!("is 99, and {sibling} tells nothing"))
                }
                Some(text) if *id != 99 && caption.is_some_and(|caption| caption != text) => {
                    self.complain(path, format!("{id} is not called {text}"));
                }
                _ => {}
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(values: &Value) -> Vec<String> {
    let values = values.as_array().into_iter().flatten();
    values
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
