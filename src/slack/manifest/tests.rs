//! The manifest, the code that calls and the code that handles say the same.
use super::*;
use crate::slack::wire::{EVENTS, Inbound, Us, read};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[test]
fn the_manifest_asks_for_the_events_and_commands_that_are_handled() {
    let manifest = manifest().unwrap();
    assert_eq!(manifest.events, EVENTS);
    assert_eq!(manifest.commands, COMMANDS);
}

#[test]
fn every_event_of_the_manifest_is_understood() {
    for event in manifest().unwrap().events {
        let (kind, channel_type) = event.split_once('.').unwrap_or((&event, "im"));
        let payload = json!({"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event":
            {"type": kind, "user": "U1", "channel": "D1", "ts": "1.2", "text": "x", "channel_type": channel_type}});
        let inbound = read(&payload, "T1", &Us::default()).inbound;
        assert!(!matches!(inbound, Inbound::Unknown { .. }), "{event}: {inbound:?}");
    }
}

/// Scopes that events need rather than methods.
const FOR_EVENTS: [(&str, &str); 5] = [
    ("app_mention", "app_mentions:read"),
    ("message.channels", "channels:history"),
    ("message.groups", "groups:history"),
    ("message.im", "im:history"),
    ("app_context_changed", "assistant:write"),
];
/// What a method needs beyond its first scope: other kinds of channels, and addresses.
const FURTHER: [&str; 5] = ["commands", "groups:read", "im:read", "im:history", "users:read.email"];

#[test]
fn the_scopes_are_those_that_calls_and_events_need_and_no_others() {
    let manifest = manifest().unwrap();
    let mut needed: BTreeSet<&str> =
        METHODS.iter().map(|(_, scope)| *scope).filter(|s| !s.is_empty()).collect();
    needed.extend(FURTHER);
    for (event, scope) in FOR_EVENTS {
        assert!(manifest.events.iter().any(|known| known == event), "{event}");
        needed.insert(scope);
    }
    let asked: BTreeSet<&str> = manifest.scopes.iter().map(String::as_str).collect();
    assert_eq!(asked, needed);
}

/// Text in quotes that looks like a method of the Web API.
fn methods(code: &str) -> BTreeSet<String> {
    let families = [
        "agents",
        "apps",
        "assistant",
        "auth",
        "bots",
        "chat",
        "conversations",
        "files",
        "reactions",
        "users",
        "views",
    ];
    let quoted = code.split('"').skip(1).step_by(2);
    quoted
        .filter(|text| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'))
        .filter(|text| text.split('.').count() > 1 && text.split('.').all(|part| !part.is_empty()))
        .filter(|text| families.contains(&text.split('.').next().unwrap_or_default()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_methods_in_the_list_are_those_that_the_code_names_and_no_others() {
    let known: BTreeMap<&str, &str> = METHODS.iter().copied().collect();
    let mut named = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/slack")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // The list itself calls nothing, and tests call no Slack.
            let tests =
                path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
            if tests || path.ends_with("slack/manifest.rs") {
                continue;
            }
            let code = std::fs::read_to_string(&path).unwrap();
            for method in methods(&code) {
                // With the app token, whose one scope is connections:write.
                let app = method == "apps.connections.open";
                assert!(
                    app || known.contains_key(method.as_str()),
                    "{}: {method} has no scope in METHODS",
                    path.display()
                );
                named.insert(method);
            }
        }
    }
    let unused: Vec<&str> = known.keys().copied().filter(|method| !named.contains(*method)).collect();
    assert!(unused.is_empty(), "nothing calls {unused:?}");
}
