//! What `$filter` keeps and what it refuses.

use super::*;

type Item = (&'static str, Option<&'static str>);

const DEVICE: &str = "1c91b01d-2136-4127-a3ef-826ea538cdc0";

const FIELDS: &[Field<Item>] = &[
    Field {
        name: "updated",
        read: Read::Instant(|item| item.0),
    },
    Field {
        name: "owner",
        read: Read::Text(|item| item.1),
    },
    Field {
        name: "device",
        read: Read::Guid(|item| item.1),
    },
];

fn keeps(filter: &str, item: Item) -> bool {
    Filter::parse(filter, FIELDS)
        .map_err(|error| format!("{filter}: {error}"))
        .unwrap()
        .keeps(&item)
}

#[test]
fn instants_are_compared_as_instants_and_not_as_text() {
    let item = ("2026-11-17T08:00:00.12Z", None);
    assert!(keeps("updated eq 2026-11-17T08:00:00.1200000Z", item));
    assert!(keeps("updated lt 2026-11-17T08:00:00.1200001Z", item));
    assert!(keeps("updated eq 2026-11-17T09:00:00.12+01:00", item));
    assert!(!keeps("updated gt 2026-11-17T08:00:00.12Z", item));
}

#[test]
fn a_doubled_quote_is_part_of_the_string() {
    assert!(keeps(
        "owner eq 'o''hara@harbourline.example'",
        ("", Some("o'hara@harbourline.example"))
    ));
    assert!(keeps("owner ne ''", ("", Some("x"))));
}

#[test]
fn a_guid_is_written_without_quotes() {
    let item = ("", Some(DEVICE));
    assert!(keeps(&format!("device eq {DEVICE}"), item));
    assert!(keeps("device ne null", item));
    let quoted = format!("device eq '{DEVICE}'");
    assert!(Filter::parse(&quoted, FIELDS).is_err_and(|why| why.contains("without quotes")));
}

#[test]
fn and_binds_tighter_than_or() {
    let item = ("2026-11-17T08:00:00Z", Some("a"));
    assert!(keeps("owner eq 'a' or owner eq 'b' and owner eq 'c'", item));
    assert!(!keeps(
        "(owner eq 'a' or owner eq 'b') and owner eq 'c'",
        item
    ));
}

#[test]
fn null_finds_what_has_no_value() {
    assert!(keeps("owner eq null", ("", None)));
    assert!(!keeps("owner eq null", ("", Some("a"))));
    assert!(keeps("owner ne 'a'", ("", None)));
}

#[test]
fn what_is_not_documented_is_refused() {
    for wrong in [
        "colour eq 'red'",
        "owner eq a",
        "owner gt 'a'",
        "updated gt '2026-11-17T08:00:00Z'",
        "updated gt 2026-11-17",
        "startswith(owner,'a')",
        "not (owner eq 'a')",
        "owner in ('a','b')",
        "owner eq 'a",
        "(owner eq 'a'",
        "owner eq 'a' extra",
        "owner",
        "",
    ] {
        assert!(Filter::parse(wrong, FIELDS).is_err(), "{wrong}");
    }
}
