//! The action files: what kinds of draft there are, what each may contain, and what guards it.
//!
//! One file a type in `tools/actions`; `_common.yaml` holds the fields and definitions that all payloads share.
//! The files are built into the program; [`check`] reads a directory and names every fault.
use super::DraftError;
use crate::closed_list;
pub use crate::db::drafts::kinds::Tier;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

closed_list! {
    /// The action types that have a file, a resolver and an export.
    ActionKind = "action type" {
        IncreaseBudget = "increase_budget",
        DecreaseBudget = "decrease_budget",
        PauseCampaign = "pause_campaign",
        ResumeCampaign = "resume_campaign",
        ReallocateBudget = "reallocate_budget",
        AddNegativeKeyword = "add_negative_keyword",
        GenerateContentBrief = "generate_content_brief",
        Ad = "ad",
        RetargetingAudience = "retargeting_audience",
    }
}

closed_list! {
    /// Guardrails by their short name; the stable code is `guardrail.{name}`.
    Guard = "guardrail" {
        BudgetStep = "budget_step",
        BudgetCap = "budget_cap",
        MerBelow = "mer_below",
        BrandPause = "brand_pause",
        MinSpendBeforePause = "min_spend_before_pause",
        TrackingMissing = "tracking_missing",
        NoRollback = "no_rollback",
        NetSpend = "net_spend",
        DataStale = "data_stale",
        BeforeChanged = "before_changed",
        MinSample = "min_sample",
        Cooldown = "cooldown",
        MinViableSpend = "min_viable_spend",
        SharedBudget = "shared_budget",
        ConvertingTerm = "converting_term",
        TextLimit = "text_limit",
        TextPolicy = "text_policy",
        UrlCheck = "url_check",
        UtmMissing = "utm_missing",
        TargetingMissing = "targeting_missing",
        MinorTargeting = "minor_targeting",
        Consent = "consent",
        AudienceSmall = "audience_small",
        ExperimentConflict = "experiment_conflict",
        Freeze = "freeze",
    }
}

impl Guard {
    /// The stable code of results and errors.
    pub fn code(self) -> String {
        format!("guardrail.{self}")
    }
}

closed_list! {
    /// Files that an approved draft can become.
    ExportFormat = "export format" {
        Editor = "editor",
        Meta = "meta",
        Json = "json",
        List = "list",
        Markdown = "markdown",
    }
}

/// What success means for the type.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    pub name: String,
    pub success: String,
}

/// One file of `tools/actions`, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionFile {
    pub id: ActionKind,
    /// With `{target}` for the name of what it changes.
    pub title: String,
    /// For the model: when to use it and what to pass.
    pub description: String,
    pub platforms: Vec<String>,
    /// The kind of entity it changes.
    pub target: String,
    pub floor: Tier,
    #[serde(default)]
    pub co_approvals: Vec<String>,
    /// Whether a rollback plan is made; `rollback` says how, for people.
    pub reversible: bool,
    pub rollback: String,
    pub guards: Vec<Guard>,
    pub metric: Metric,
    /// Days after execution at which the result is measured.
    pub checkpoints: Vec<u32>,
    pub exports: Vec<ExportFormat>,
    /// Arguments that a revision may change.
    pub editable: Vec<String>,
    /// JSON pointers into `before` that must still hold at approval and execution.
    #[serde(default)]
    pub compare: Vec<String>,
    /// Labels of diff lines.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The schema of the stored payload, without what `_common.yaml` adds.
    pub payload: Map<String, Value>,
    /// The schema of what a model or a person may send.
    pub tool: Map<String, Value>,
    /// Arguments that must pass `tool`; shown in the documentation.
    pub examples: Vec<Value>,
}

/// A file with its schemas compiled.
pub struct Action {
    pub file: ActionFile,
    pub payload: jsonschema::Validator,
    pub tool: jsonschema::Validator,
    /// The complete tool schema, as a model gets it.
    pub tool_schema: Value,
}

impl Action {
    pub fn kind(&self) -> ActionKind {
        self.file.id
    }

    /// The label of a diff line, or the key itself.
    pub fn label<'a>(&'a self, key: &'a str) -> &'a str {
        self.file.labels.get(key).map_or(key, String::as_str)
    }
}

/// Every action type, by id.
pub struct Actions(BTreeMap<ActionKind, Action>);

impl Actions {
    pub fn get(&self, kind: ActionKind) -> Result<&Action, DraftError> {
        self.0.get(&kind).ok_or_else(|| DraftError::Broken(format!("tools/actions/{kind}.yaml is missing")))
    }

    /// By the id a caller sent.
    pub fn named(&self, id: &str) -> Result<&Action, DraftError> {
        let kind = id.parse::<ActionKind>().map_err(|_| {
            let known: Vec<String> = self.0.keys().map(ToString::to_string).collect();
            DraftError::choice(
                "/type",
                format!("There is no action '{id}'; one of: {}.", known.join(", ")),
                known,
            )
        })?;
        self.get(kind)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Action> {
        self.0.values()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    properties: Map<String, Value>,
    required: Vec<String>,
    tool_properties: Map<String, Value>,
    definitions: Map<String, Value>,
}

#[derive(rust_embed::RustEmbed)]
#[folder = "tools/actions"]
struct Files;

static BUILT_IN: LazyLock<Result<Actions, Vec<String>>> = LazyLock::new(|| {
    load(Files::iter().filter_map(|name| {
        let file = Files::get(&name)?;
        Some((name.to_string(), String::from_utf8_lossy(&file.data).into_owned()))
    }))
});

/// The actions built into the program.
pub fn actions() -> Result<&'static Actions, DraftError> {
    BUILT_IN.as_ref().map_err(|faults| DraftError::Broken(faults.join("; ")))
}

/// Reads all action files of a directory and says how many are sound, or every fault by file.
pub fn check(directory: &Path) -> Result<usize, Vec<String>> {
    let entries = std::fs::read_dir(directory).map_err(|e| vec![format!("{}: {e}", directory.display())])?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| vec![format!("{}: {e}", directory.display())])?.path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let text =
                std::fs::read_to_string(&path).map_err(|e| vec![format!("{}: {e}", path.display())])?;
            files.push((name, text));
        }
    }
    load(files.into_iter()).map(|actions| actions.0.len())
}

fn load(files: impl Iterator<Item = (String, String)>) -> Result<Actions, Vec<String>> {
    let mut files: BTreeMap<String, String> = files.collect();
    let mut faults = Vec::new();
    let common: Common = match files.remove("_common.yaml") {
        None => {
            return Err(vec![
                "_common.yaml: missing; it holds the fields that all payloads share".to_owned(),
            ]);
        }
        Some(text) => serde_saphyr::from_str(&text).map_err(|e| vec![format!("_common.yaml: {e}")])?,
    };
    let mut actions = BTreeMap::new();
    for (name, text) in &files {
        match serde_saphyr::from_str::<ActionFile>(text) {
            Err(e) => faults.push(format!("{name}: {e}")),
            Ok(file) => match compile(name, file, &common) {
                Ok(action) => drop(actions.insert(action.kind(), action)),
                Err(found) => faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}"))),
            },
        }
    }
    for kind in ActionKind::ALL {
        if !files.contains_key(&format!("{kind}.yaml")) {
            faults.push(format!("{kind}.yaml: missing; every action type has a file"));
        }
    }
    if faults.is_empty() { Ok(Actions(actions)) } else { Err(faults) }
}

fn compile(name: &str, file: ActionFile, common: &Common) -> Result<Action, Vec<String>> {
    let mut faults = plain_faults(name, &file);
    let mut payload = file.payload.clone();
    extend(&mut payload, &common.properties, &common.required);
    let mut tool = file.tool.clone();
    extend(&mut tool, &common.tool_properties, &[]);
    for (part, schema) in [("payload", &mut payload), ("tool", &mut tool)] {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("$defs".to_owned(), Value::Object(common.definitions.clone()));
        open_objects(&Value::Object(schema.clone()), part, &mut faults);
    }
    let properties = tool.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for field in &file.editable {
        if !properties.contains_key(field) {
            faults.push(format!("editable: '{field}' is not a property of tool"));
        }
    }
    let tool_schema = model_schema(&tool);
    let (payload, tool) = (Value::Object(payload), Value::Object(tool));
    match (jsonschema::validator_for(&payload), jsonschema::validator_for(&tool)) {
        (Ok(payload), Ok(tool)) => {
            for (i, example) in file.examples.iter().enumerate() {
                if let Some(error) = tool.iter_errors(example).next() {
                    faults.push(format!("examples[{i}] at '{}': {error}", error.instance_path()));
                }
            }
            if faults.is_empty() {
                return Ok(Action { file, payload, tool, tool_schema });
            }
        }
        (payload, tool) => {
            faults.extend(payload.err().map(|e| format!("payload: {e}")));
            faults.extend(tool.err().map(|e| format!("tool: {e}")));
        }
    }
    Err(faults)
}

const PLATFORMS: &[&str] =
    &["google_ads", "meta_ads", "tiktok_ads", "linkedin_ads", "reddit_ads", "website", "internal"];

fn plain_faults(name: &str, file: &ActionFile) -> Vec<String> {
    let mut faults = Vec::new();
    if name != format!("{}.yaml", file.id) {
        faults.push(format!("id: '{}' does not match the file name", file.id));
    }
    for platform in &file.platforms {
        if !PLATFORMS.contains(&platform.as_str()) {
            faults.push(format!("platforms: unknown '{platform}'; one of: {}", PLATFORMS.join(", ")));
        }
    }
    for (field, empty) in [
        ("platforms", file.platforms.is_empty()),
        ("exports", file.exports.is_empty()),
        ("checkpoints", file.checkpoints.is_empty()),
        ("examples", file.examples.is_empty()),
        ("rollback", file.rollback.trim().is_empty()),
    ] {
        if empty {
            faults.push(format!("{field}: at least one entry is needed"));
        }
    }
    let twice: BTreeSet<Guard> = file.guards.iter().copied().collect();
    if twice.len() != file.guards.len() {
        faults.push("guards: one is listed twice".to_owned());
    }
    for role in &file.co_approvals {
        if role != "compliance" {
            faults.push(format!("co_approvals: unknown '{role}'; only: compliance"));
        }
    }
    for pointer in &file.compare {
        if !pointer.starts_with('/') {
            faults.push(format!("compare: '{pointer}' is not a JSON pointer; write '/{pointer}'"));
        }
    }
    faults
}

fn extend(schema: &mut Map<String, Value>, properties: &Map<String, Value>, required: &[String]) {
    let own = schema.entry("properties").or_insert_with(|| json!({}));
    if let Some(own) = own.as_object_mut() {
        for (name, property) in properties {
            own.entry(name.clone()).or_insert_with(|| property.clone());
        }
    }
    let list = schema.entry("required").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.extend(required.iter().map(|name| json!(name)));
    }
}

/// Every object of a schema must be closed, else unknown fields would slip through unseen.
fn open_objects(schema: &Value, at: &str, faults: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if map.get("properties").is_some_and(|p| p.is_object() && map.get("type").is_some())
                && map.get("additionalProperties") != Some(&Value::Bool(false))
            {
                faults.push(format!("{at}: an object without 'additionalProperties: false'"));
            }
            for (key, value) in map {
                open_objects(value, &format!("{at}/{key}"), faults);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| open_objects(item, at, faults)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The tool schema without references: providers differ in what they resolve.
fn model_schema(tool: &Map<String, Value>) -> Value {
    let definitions = tool.get("$defs").cloned().unwrap_or_default();
    let mut schema = tool.clone();
    schema.remove("$defs");
    schema.remove("$schema");
    inline(&Value::Object(schema), &definitions)
}

fn inline(schema: &Value, definitions: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let target = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.strip_prefix("#/$defs/"))
                .and_then(|name| definitions.get(name));
            let mut out = match target.map(|found| inline(found, definitions)) {
                Some(Value::Object(found)) => found,
                _ => Map::new(),
            };
            out.extend(
                map.iter().filter(|(k, _)| *k != "$ref").map(|(k, v)| (k.clone(), inline(v, definitions))),
            );
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| inline(item, definitions)).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

#[cfg(test)]
mod tests;
