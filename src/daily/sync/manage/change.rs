//! A connection is told something else, or switched on or off.
use super::super::{Engine, unknown};
use super::{BASE_URL, By, SourceFault, ask, free, held, named, sorted, spec_of};
use crate::daily::connection::{self, Opening};
use crate::db::audit;
use crate::db::sources::{self, SecretsError, Source, SourceState};
use crate::db::{OrgTx, let_go, people, syncs};
use crate::ids::{OrgId, SourceId};
use crate::money::Currency;
use crate::platforms::contract::{CheckReport, Connector, ConnectorSpec};
use crate::platforms::fault::Voice;
use crate::platforms::registry;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// What somebody wants changed; what is not said stays. A setting or secret without a value is taken away.
#[derive(Default)]
pub struct Change {
    pub name: Option<String>,
    pub config: BTreeMap<String, Option<String>>,
    pub secrets: BTreeMap<String, Option<SecretString>>,
    pub time_zone: Option<String>,
    pub currency: Option<Currency>,
    pub enabled: Option<bool>,
}

/// A connection as it would be after a change.
struct Merged {
    config: Map<String, Value>,
    secrets: BTreeMap<String, SecretString>,
    time_zone: String,
    currency: Currency,
}

impl Change {
    /// Something that the platform is told changes.
    fn is_told(&self) -> bool {
        !self.config.is_empty()
            || !self.secrets.is_empty()
            || self.time_zone.is_some()
            || self.currency.is_some()
    }

    fn onto(&self, source: &Source, mut secrets: BTreeMap<String, SecretString>) -> Merged {
        let mut config = source.config.clone();
        for (name, value) in &self.config {
            match value {
                Some(value) => config.insert(name.clone(), Value::String(value.clone())),
                None => config.remove(name),
            };
        }
        for (name, value) in &self.secrets {
            match value {
                Some(value) => secrets.insert(name.clone(), value.clone()),
                None => secrets.remove(name),
            };
        }
        let time_zone = self.time_zone.clone().unwrap_or_else(|| source.account_time_zone.clone());
        Merged { config, secrets, time_zone, currency: self.currency.unwrap_or(source.currency) }
    }

    /// The first setting that decides where secrets go and that is another one afterwards.
    fn moves(&self, source: &Source) -> Option<&str> {
        let led = registry::connector(&source.connector).map(Connector::leads).unwrap_or_default();
        let leads = |name: &str| name == BASE_URL || led.contains(&name);
        let stored = |name: &str| source.config.get(name).and_then(Value::as_str);
        let mut told = self.config.iter().filter(|(name, _)| leads(name));
        told.find(|(name, value)| stored(name) != value.as_deref()).map(|(name, _)| name.as_str())
    }

    /// Secrets that are stored go only where they went when they were entered: whoever may change an address need not know them.
    fn knows(&self, setting: &str, stored: &BTreeMap<String, SecretString>) -> Result<(), SourceFault> {
        let kept = stored.keys().filter(|name| !self.secrets.contains_key(*name));
        let secrets: Vec<String> = kept.cloned().collect();
        if secrets.is_empty() {
            return Ok(());
        }
        Err(SourceFault::Moved { setting: setting.to_owned(), secrets })
    }

    /// What the record says of it: names, no values.
    fn noted(&self, name: &str) -> (&'static str, Value) {
        let config: Vec<&String> = self.config.keys().collect();
        let secrets: Vec<&String> = self.secrets.keys().collect();
        let others = self.name.is_some() || self.time_zone.is_some() || self.currency.is_some();
        let action = match (self.enabled, config.is_empty() && !others, secrets.is_empty()) {
            (Some(true), true, true) => "source.enabled",
            (Some(false), true, true) => "source.disabled",
            (None, true, false) => "source.secrets_set",
            _ => "source.changed",
        };
        let after = json!({"name": name, "settings": config, "secrets": secrets, "enabled": self.enabled});
        (action, after)
    }
}

/// The first setting that decides where secrets go and that differs between two looks at a connection.
fn moved(before: &Source, after: &Source) -> Option<&'static str> {
    let led = registry::connector(&after.connector).map(Connector::leads).unwrap_or_default();
    let mut names = led.iter().copied().chain([BASE_URL]);
    names.find(|name| before.config.get(*name) != after.config.get(*name))
}

impl Engine {
    /// Changes a connection. Where the platform is told something else it is asked first, and other settings begin every
    /// stream anew: what was read before may be of another account. A setting that decides where secrets go is taken only together
    /// with every stored secret, entered anew.
    pub async fn change(
        &self,
        org: OrgId,
        id: SourceId,
        change: &Change,
        by: By<'_>,
    ) -> Result<Source, SourceFault> {
        let mut tx = self.db.org(org).await?;
        let source = held(&mut tx, org, id).await?;
        let spec = spec_of(&source.connector)?;
        let settings = change.config.iter().map(|(name, value)| (name, value.as_deref().unwrap_or_default()));
        let secrets = change
            .secrets
            .iter()
            .map(|(name, value)| (name, value.as_ref().map_or("", |value| value.expose_secret())));
        sorted(spec, settings, secrets)?;
        let name = named(change.name.as_deref().unwrap_or(&source.name))?.to_owned();
        free(&mut tx, org, &name, Some(id)).await?;
        let mut report = None;
        if change.is_told() {
            let stored = self.sealed(&mut tx, org, id, spec, change).await?;
            let person_key = people::person_key(&mut tx, org).await?;
            let_go(tx);
            if let Some(setting) = change.moves(&source) {
                // On the record whatever comes of it, and before anybody is asked there.
                let after = json!({"name": source.name, "setting": setting});
                let entry = by.entry("source.move_tried", id, after, self.outside.clock.now());
                let mut tx = self.db.org(org).await?;
                audit::append(&mut tx, org, &entry).await?;
                tx.commit().await?;
                change.knows(setting, &stored)?;
            }
            let merged = change.onto(&source, stored);
            report = Some(self.probe(&source, &merged, person_key).await?);
        } else {
            let_go(tx);
        }
        let now = self.outside.clock.now();
        let mut tx = self.db.org(org).await?;
        // Onto what is stored now: somebody may have changed something else while the platform was asked.
        if !sources::hold(&mut tx, org, id).await? {
            return Err(SourceFault::NotFound);
        }
        let before = source;
        let source = held(&mut tx, org, id).await?;
        let secrets = match report {
            Some(_) => self.sealed(&mut tx, org, id, spec, change).await?,
            None => BTreeMap::new(),
        };
        if let Some(setting) = change.moves(&source) {
            change.knows(setting, &secrets)?;
        }
        // Secrets that were meant for the address of before go to no other one.
        if let Some(setting) = moved(&before, &source).filter(|name| !change.config.contains_key(*name)) {
            let entered: Vec<String> = change.secrets.keys().cloned().collect();
            if !entered.is_empty() {
                return Err(SourceFault::Moved { setting: setting.to_owned(), secrets: entered });
            }
        }
        let mut merged = change.onto(&source, secrets);
        if let Some(report) = &report {
            sources::set_secrets(&mut tx, org, id, &merged.secrets, &self.keys, now).await?;
            merged.time_zone = report.time_zone.clone().unwrap_or(merged.time_zone);
            merged.currency = report.currency.unwrap_or(merged.currency);
        }
        let about = sources::About {
            name: &name,
            config: &merged.config,
            account_time_zone: &merged.time_zone,
            currency: merged.currency,
        };
        sources::describe(&mut tx, org, id, &about, now).await?;
        let other = |name: &String| name != BASE_URL && merged.config.get(name) != source.config.get(name);
        if change.config.keys().any(other) {
            syncs::restart(&mut tx, org, id, now).await?;
        }
        if report.is_some() {
            sources::set_state(&mut tx, org, id, SourceState::Connected, None, false, now).await?;
        }
        if let Some(on) = change.enabled {
            sources::switch(&mut tx, org, id, on, now).await?;
        }
        let (action, after) = change.noted(&name);
        audit::append(&mut tx, org, &by.entry(action, id, after, now)).await?;
        let source = held(&mut tx, org, id).await?;
        tx.commit().await?;
        Ok(source)
    }

    /// The stored secrets. Those that do not open any more are none, where every one that is needed is entered anew.
    async fn sealed(
        &self,
        tx: &mut OrgTx,
        org: OrgId,
        id: SourceId,
        spec: &ConnectorSpec,
        change: &Change,
    ) -> Result<BTreeMap<String, SecretString>, SourceFault> {
        let entered = |name: &str| change.secrets.get(name).is_some_and(Option::is_some);
        match sources::secrets(tx, org, id, &self.keys).await {
            Err(SecretsError::Vault(_))
                if spec
                    .fields
                    .iter()
                    .all(|field| !field.secret || !field.required || entered(field.name)) =>
            {
                Ok(BTreeMap::new())
            }
            other => Ok(other?),
        }
    }

    /// Asks the platform about a connection as it would be.
    async fn probe(
        &self,
        source: &Source,
        merged: &Merged,
        person_key: Vec<u8>,
    ) -> Result<CheckReport, SourceFault> {
        let voice = Voice::new("source", "check", merged.secrets.values().cloned().collect());
        let connector =
            registry::connector(&source.connector).ok_or_else(|| unknown(&voice, &source.connector))?;
        let opening = Opening {
            connector,
            config: &merged.config,
            secrets: merged.secrets.clone(),
            time_zone: &merged.time_zone,
            currency: merged.currency,
            api_version: &source.api_version,
            person_key,
            stream: "check",
        };
        let ctx = connection::open(&self.outside, opening, CancellationToken::new())?;
        Ok(ask(connector, &ctx).await?)
    }
}
