//! What was recorded of Slack. What each delivery means and that it counts once is told by the tests of Slack itself.
use super::Recorded;
use adjutant::slack::receive::signature::Claim;
use adjutant::slack::{manifest, wire};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn recorded(file: &Recorded, all: &[Recorded]) -> Option<usize> {
    let index = all.iter().find(|other| other.name == "index.json").unwrap().json();
    let index = index.as_array().unwrap();
    match file.name.as_str() {
        "index.json" => {
            let there = |entry: &Value| all.iter().any(|other| entry["file"] == other.name.as_str());
            assert!(index.iter().all(there), "the index names a file that is not there");
            Some(index.len())
        }
        "manifest.example.json" => {
            // Where we began: our own manifest has its commands still.
            let ours = manifest::manifest().unwrap();
            let example = file.json();
            let commands = example["features"]["slash_commands"].as_array().unwrap();
            for command in commands {
                let command = command["command"].as_str().unwrap();
                assert!(
                    ours.commands.iter().any(|own| own == command),
                    "{command} is not in {:?}",
                    ours.commands
                );
            }
            Some(commands.len())
        }
        "signing_secret_vector.json" => {
            let vector = file.json();
            let of = |name: &str| vector[name].as_str().unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("x-slack-signature", HeaderValue::from_str(of("signature")).unwrap());
            headers.insert("x-slack-request-timestamp", HeaderValue::from_str(of("timestamp")).unwrap());
            let now = Timestamp::from_second(of("timestamp").parse().unwrap()).unwrap();
            let claim = Claim::read(&headers, now).unwrap();
            let secret = SecretString::from(of("signing_secret"));
            assert!(claim.check(&secret, of("body").as_bytes()).is_ok());
            assert!(claim.check(&secret, of("body").replace("G8", "G9").as_bytes()).is_err());
            Some(1)
        }
        name => {
            let entry = index.iter().find(|entry| entry["file"] == name)?;
            let payload = if name.ends_with(".form") {
                let fields: BTreeMap<String, String> =
                    form_urlencoded::parse(file.body.trim_ascii()).into_owned().collect();
                json!(fields)
            } else if entry["content_type"].as_str().unwrap().starts_with("socket-mode") {
                file.json()["payload"].take()
            } else {
                file.json()
            };
            let team = wire::teams(&payload).into_iter().next().unwrap_or_default();
            wire::read(&payload, &team, &wire::Us::default());
            Some(1)
        }
    }
}
