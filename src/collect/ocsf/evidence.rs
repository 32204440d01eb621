//! An alert's evidence: <https://learn.microsoft.com/graph/api/resources/security-alertevidence>.

use serde_json::{Value, json};

use super::{Attributes, Item, item::is_email, words};

/// One piece of evidence. What the schema has no place for is its `data`.
pub fn entry(mut item: Item) -> Attributes {
    let mut entry = Attributes::default();
    let kind = item.text("@odata.type");
    let (name, made) = match kind.as_deref().and_then(|kind| kind.rsplit('.').next()) {
        Some("deviceEvidence") => ("device", item.attempt(device)),
        Some("userEvidence") => ("user", item.within("userAccount", user)),
        Some("mailboxEvidence") => ("user", item.attempt(mailbox)),
        Some("fileEvidence") => ("file", item.within("fileDetails", file)),
        Some("processEvidence") => ("process", item.attempt(process)),
        Some("ipEvidence") if item.has_role("destination") => {
            ("dst_endpoint", item.attempt(endpoint))
        }
        Some("ipEvidence") => ("src_endpoint", item.attempt(endpoint)),
        Some("urlEvidence") => ("url", item.text("url").map(url)),
        Some("analyzedMessageEvidence") => ("email", item.attempt(email)),
        Some("registryKeyEvidence") => ("reg_key", item.attempt(registry_key)),
        Some("registryValueEvidence") => ("reg_value", item.attempt(registry_value)),
        _ => ("", None),
    };
    let is_mapped = made.is_some();
    entry.put(name, made);
    if is_mapped && !entry.has("device") {
        entry.put("device", item.text("mdeDeviceId").map(device_of));
    }
    entry.put("name", kind);
    if let Some(verdict) = item.text("verdict") {
        entry.word("verdict", words::EVIDENCE_VERDICT, Some(verdict));
    }
    // The schema wants something to show, if only that there was nothing.
    entry.put(
        "data",
        item.rest().or_else(|| (!is_mapped).then(|| json!({}))),
    );
    entry
}

/// Who an address or a name stands for.
pub fn person(name: String) -> Value {
    let mut person = Attributes::default();
    person.put(
        "email_addr",
        Some(name.clone()).filter(|name| is_email(name)),
    );
    person.put("name", Some(name));
    person.into()
}

fn device_of(id: String) -> Value {
    json!({ "uid": id, "type_id": 0, "type": "Unknown" })
}

fn device(item: &mut Item) -> Option<Attributes> {
    let mut device = Attributes::default();
    device.put("hostname", item.text("deviceDnsName"));
    device.put("name", item.text("hostName"));
    device.put("domain", item.text("dnsDomain"));
    device.put("uid", item.text("mdeDeviceId"));
    device.put("uid_alt", item.text("azureAdDeviceId"));
    let ip = item
        .ip("lastIpAddress")
        .or_else(|| item.first_ip("ipInterfaces"));
    device.put("ip", ip);
    device.put("first_seen_time", item.instant("firstSeenDateTime"));
    if let Some((id, caption)) = item.known("riskScore", words::RISK) {
        device.pair("risk_level", id, caption);
    }
    let platform = item.see("osPlatform").unwrap_or_default();
    match platform.starts_with("WindowsServer") {
        true => device.pair("type", 1, "Server"),
        false => device.pair("type", 0, "Unknown"),
    }
    device.put("os", item.attempt(os));
    device.put("groups", item.attempt(group).map(|group| vec![group]));
    device.with_any_of(&["hostname", "name", "uid", "ip"])
}

fn os(item: &mut Item) -> Option<Attributes> {
    let name = item.text("osPlatform")?;
    let mut os = Attributes::default();
    match words::PLATFORM
        .iter()
        .find(|known| name.starts_with(known.0))
    {
        Some((_, id, caption)) => os.pair("type", *id, *caption),
        None => os.pair("type", 99, name.clone()),
    }
    os.put("name", Some(name));
    os.put("version", item.text("version"));
    os.put("build", item.text("osBuild"));
    Some(os)
}

fn group(item: &mut Item) -> Option<Attributes> {
    let mut group = Attributes::default();
    group.put("name", item.text("rbacGroupName"));
    group.put("uid", item.text("rbacGroupId"));
    group.with_any_of(&["name", "uid"])
}

fn user(item: &mut Item) -> Option<Attributes> {
    let mut user = Attributes::default();
    let name = item.see("userPrincipalName");
    user.put("name", item.text("accountName").or(name));
    user.put("email_addr", item.email("userPrincipalName"));
    user.put("domain", item.text("domainName"));
    user.put("display_name", item.text("displayName"));
    match item.text("userSid") {
        Some(sid) => {
            user.put("uid", Some(sid));
            user.put("uid_alt", item.text("azureAdUserId"));
        }
        None => user.put("uid", item.text("azureAdUserId")),
    }
    user.with_any_of(&["name", "uid"])
}

fn mailbox(item: &mut Item) -> Option<Attributes> {
    let mut owner = item.within("userAccount", user).unwrap_or_default();
    let address = item.email("primaryAddress")?;
    if !owner.has("name") {
        owner.put("name", Some(address.clone()));
    }
    if !owner.has("display_name") {
        owner.put("display_name", item.text("displayName"));
    }
    // A principal name that is another address keeps its place beside this one.
    let principal = owner.get("email_addr").filter(|known| **known != address);
    item.note("userPrincipalName", principal.cloned());
    owner.put("email_addr", Some(address));
    Some(owner)
}

fn file(item: &mut Item) -> Option<Attributes> {
    let name = item.text("fileName")?;
    let mut file = Attributes::default();
    file.pair("type", 0, "Unknown");
    if let Some(folder) = item.text("filePath") {
        // Some sources send the whole path.
        let above = folder.strip_suffix(&name);
        if above.is_some_and(|above| above.ends_with(['/', '\\'])) {
            file.put("path", Some(folder));
        } else {
            file.put("path", Some(path(&folder, &name)));
            file.put("parent_folder", Some(folder));
        }
    }
    file.put("size", item.integer("fileSize"));
    file.put("company_name", item.text("filePublisher"));
    let hashes: Vec<_> = [
        ("md5", 1, "MD5"),
        ("sha1", 2, "SHA-1"),
        ("sha256", 3, "SHA-256"),
    ]
    .into_iter()
    .filter_map(|(hash, id, caption)| {
        Some(json!({ "algorithm_id": id, "algorithm": caption, "value": item.text(hash)? }))
    })
    .collect();
    file.put("hashes", (!hashes.is_empty()).then_some(hashes));
    file.put("name", Some(name));
    Some(file)
}

fn path(folder: &str, name: &str) -> String {
    let separator = if folder.contains('/') { '/' } else { '\\' };
    format!("{}{separator}{name}", folder.trim_end_matches(separator))
}

fn process(item: &mut Item) -> Option<Attributes> {
    let mut process = image(item, ["processId", "processCreationDateTime", "imageFile"])?;
    process.put("cmd_line", item.text("processCommandLine"));
    process.put("user", item.within("userAccount", user));
    let parent = [
        "parentProcessId",
        "parentProcessCreationDateTime",
        "parentProcessImageFile",
    ];
    process.put("parent_process", item.attempt(|item| image(item, parent)));
    Some(process)
}

fn image(item: &mut Item, [id, created, image]: [&str; 3]) -> Option<Attributes> {
    let mut process = Attributes::default();
    process.put("pid", Some(item.integer(id)?));
    process.put("created_time", item.instant(created));
    let file = item.within(image, file);
    process.put(
        "name",
        file.as_ref().and_then(|file| file.get("name").cloned()),
    );
    process.put("file", file);
    Some(process)
}

fn endpoint(item: &mut Item) -> Option<Attributes> {
    let mut endpoint = Attributes::default();
    endpoint.put("ip", Some(item.ip("ipAddress")?));
    let country = item.text("countryLetterCode");
    endpoint.put(
        "location",
        country.map(|country| json!({ "country": country })),
    );
    Some(endpoint)
}

fn url(url: String) -> Attributes {
    Attributes::of(json!({ "url_string": url }))
}

fn email(item: &mut Item) -> Option<Attributes> {
    let mut email = Attributes::default();
    let mut sender = |name| item.within(name, |sender| sender.email("emailAddress"));
    email.put("from", sender("p2Sender").or_else(|| sender("p1Sender")));
    email.put("to", item.email("recipientEmailAddress").map(|to| vec![to]));
    email.put("subject", item.text("subject"));
    email.put("uid", item.text("networkMessageId"));
    email.put("message_uid", item.text("internetMessageId"));
    email.put("x_originating_ip", item.ip("senderIp").map(|ip| vec![ip]));
    let urls = item.texts("urls");
    email.put(
        "urls",
        urls.map(|urls| urls.into_iter().map(url).collect::<Vec<_>>()),
    );
    email.with_any_of(&["from", "to"])
}

fn registry_key(item: &mut Item) -> Option<Attributes> {
    Some(Attributes::of(json!({ "path": registry_path(item)? })))
}

fn registry_value(item: &mut Item) -> Option<Attributes> {
    let name = item.text("registryValueName")?;
    let mut value = Attributes::of(json!({ "path": registry_path(item)?, "name": name }));
    value.put("data", item.text("registryValue"));
    Some(value)
}

fn registry_path(item: &mut Item) -> Option<String> {
    let key = item.text("registryKey")?;
    Some(match item.text("registryHive") {
        Some(hive) => path(&hive, &key),
        None => key,
    })
}
