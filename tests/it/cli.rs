//! The command line as a person types it, with the real program.
use crate::crash::{Program, program};
use crate::world::World;
use adjutant::access::Surface;
use adjutant::db::audit::{self, Filter};
use adjutant::db::credentials;
use adjutant::db::events::known::{self, KeyRules};
use serde_json::json;
use tokio::process::Command;

/// Whether it went well, and what it said on either stream.
async fn said(command: &mut Command) -> (bool, String) {
    let output = command.stdout(std::process::Stdio::piped()).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn a_container_can_ask_whether_its_server_is_ready() {
    let world = World::new().await;
    let server = Program::serve(&world, None).await;
    let ready = |address: &str| {
        let mut command = program(&world);
        command.args(["doctor", "--ready"]).env("ADJUTANT_SERVER__LISTEN", address);
        command
    };
    let address = server.url.trim_start_matches("http://");
    assert_eq!(said(&mut ready(address)).await, (true, "ready\n".to_owned()));
    let (fine, words) = said(&mut ready("127.0.0.1:1")).await;
    assert!(!fine && words.contains("/readyz does not answer"), "{words}");
}

#[tokio::test]
async fn a_member_goes_by_first_name_where_only_one_has_it() {
    let world = World::new().await;
    let session = |who: &str| {
        let mut command = program(&world);
        command.args(["session", who, "--confirm"]);
        command
    };
    for who in ["mara", "Mara Lindt", "mara.lindt@alpine.example", "marketer"] {
        let (fine, words) = said(&mut session(who)).await;
        assert!(
            fine && words.contains("a session of Mara Lindt") && words.contains("ses_"),
            "{who}: {words}"
        );
    }
    let (fine, words) = said(&mut session("approver")).await;
    assert!(!fine && words.contains("'approver' could be Aron Keller or Sofia Brandt"), "{words}");
    let (fine, words) = said(&mut session("mar")).await;
    assert!(!fine && words.contains("nobody here is called 'mar'; there are: "), "{words}");
}

#[tokio::test]
async fn a_key_is_replaced_by_one_that_may_do_the_same() {
    let world = World::new().await;
    let create = ["key", "create", "mara", "--name", "nightly", "--scope", "query.run", "--per-minute", "7"];
    let (fine, words) = said(program(&world).args(create)).await;
    assert!(fine, "{words}");
    let keys = async || {
        let mut tx = world.db.org(world.org).await.unwrap();
        credentials::api_keys(&mut tx, world.org).await.unwrap()
    };
    let old = keys().await.remove(0);
    let (fine, words) = said(program(&world).args(["key", "rotate", &old.prefix])).await;
    assert!(fine && words.contains(&format!("{} is revoked", old.prefix)), "{words}");
    let text = words.split_whitespace().find(|word| word.starts_with("adj_")).unwrap().to_owned();
    let (ended, new): (Vec<_>, Vec<_>) = keys().await.into_iter().partition(|key| key.revoked_at.is_some());
    assert_eq!((ended.len(), new.len()), (1, 1));
    let same = |key: &credentials::ApiKey| {
        (key.name.clone(), key.member, key.scopes(), key.per_minute, key.expires_at)
    };
    assert_eq!(same(&new[0]), same(&old));
    assert_eq!(credentials::prefix_of(&text), Some(new[0].prefix.as_str()));
    let (fine, words) = said(program(&world).args(["key", "rotate", &old.prefix])).await;
    assert!(!fine && words.contains("there is no active key"), "{words}");
}

#[tokio::test]
async fn what_a_key_may_send_is_said_when_it_is_made_and_goes_on_to_the_one_in_its_place() {
    let world = World::new().await;
    let create = ["key", "create", "mara", "--scope", "event.write", "--source", "stripe", "--pii", "scrub"];
    let more = ["--strict-references", "--events-per-minute", "7"];
    let (fine, words) = said(program(&world).args(create).args(more)).await;
    assert!(fine, "{words}");
    let rules = KeyRules {
        sources: vec!["stripe".to_owned()],
        pii_mode: "scrub".to_owned(),
        strict_references: true,
        events_per_minute: 7,
    };
    let mut tx = world.db.org(world.org).await.unwrap();
    let old = credentials::api_keys(&mut tx, world.org).await.unwrap().remove(0);
    assert_eq!(known::setting(&mut tx, world.org, Some(old.id)).await.unwrap().key, Some(rules.clone()));
    drop(tx);
    assert!(said(program(&world).args(["key", "rotate", &old.prefix])).await.0);
    let mut tx = world.db.org(world.org).await.unwrap();
    let keys = credentials::api_keys(&mut tx, world.org).await.unwrap();
    let new = keys.iter().find(|key| key.id != old.id).unwrap();
    assert_eq!(known::setting(&mut tx, world.org, Some(new.id)).await.unwrap().key, Some(rules));
    let (fine, words) = said(program(&world).args(["key", "create", "mara", "--source", "fax"])).await;
    assert!(!fine && words.contains("unknown source 'fax'"), "{words}");
}

#[tokio::test]
async fn a_key_has_a_rate() {
    let world = World::new().await;
    let (fine, words) = said(program(&world).args(["key", "create", "mara", "--per-minute", "0"])).await;
    assert!(!fine && words.contains("0 is not in 1.."), "{words}");
    let (fine, words) = said(program(&world).args(["key", "create", "mara", "--per-minute", "1"])).await;
    assert!(fine && words.contains("a key for Mara Lindt"), "{words}");
}

#[tokio::test]
async fn a_new_role_and_a_confirmation_are_on_the_record() {
    let world = World::new().await;
    let mut add = program(&world);
    add.args(["member", "add", "Ada Ott <ada@alpine.example>", "--role", "approver", "--grant", "operator"]);
    let (fine, words) = said(&mut add).await;
    assert!(fine, "{words}");
    let (fine, words) = said(program(&world).args(["session", "ada", "--confirm"])).await;
    assert!(
        fine && words.contains("confirmed for ten minutes") && words.contains("only noted again"),
        "{words}"
    );
    let (fine, words) = said(program(&world).args(["session", "ada"])).await;
    assert!(fine && words.contains("`--confirm` makes one with which they count"), "{words}");
    let mut tx = world.db.org(world.org).await.unwrap();
    let entries = audit::list(&mut tx, world.org, &Filter::default(), 0, 100).await.unwrap();
    let role = entries.iter().find(|e| e.action == "role.changed").unwrap();
    assert_eq!(role.before, Some(json!({"role": null, "grants": []})));
    assert_eq!(role.after, Some(json!({"role": "approver", "grants": ["operator"]})));
    let actions: Vec<_> = entries.iter().map(|e| e.action.as_str()).collect();
    assert!(actions.contains(&"session.confirmed"), "{actions:?}");
    // Done at the machine's own terminal, and recorded so.
    assert!(said(program(&world).args(["key", "create", "ada"])).await.0);
    let entries = audit::list(&mut tx, world.org, &Filter::default(), 0, 100).await.unwrap();
    for action in ["role.changed", "session.created", "session.confirmed", "key.created"] {
        let entry = entries.iter().find(|e| e.action == action).unwrap_or_else(|| panic!("{action}"));
        assert_eq!(entry.surface, Surface::Cli, "{action}");
    }
}

#[tokio::test]
async fn the_record_is_written_out_by_day_person_and_action() {
    let world = World::new().await;
    let (fine, words) = said(program(&world).args(["key", "create", "mara", "--per-minute", "1"])).await;
    assert!(fine, "{words}");
    let export = async |filter: &[&str]| {
        let mut command = program(&world);
        command.args(["audit", "export", "--format", "jsonl"]).args(filter);
        let (fine, words) = said(&mut command).await;
        assert!(fine, "{filter:?}: {words}");
        words.matches("\"action\":").count()
    };
    let all = export(&[]).await;
    assert!(all >= 1);
    assert!(export(&["--action", "audit"]).await >= 1, "the export before is on the record");
    assert_eq!(export(&["--action", "nothing.such"]).await, 0);
    assert_eq!(export(&["--campaign", "google_ads:1"]).await, 0);
    assert_eq!(export(&["--to", "2001-01-01"]).await, 0);
    assert_eq!(export(&["--from", "2999-01-01T00:00:00Z"]).await, 0);
    assert!(export(&["--from", "2001-01-01", "--actor", "system"]).await >= all);
    let (fine, words) = said(program(&world).args(["audit", "export", "--from", "yesterday-ish"])).await;
    assert!(!fine && words.contains("neither a day such as 2026-05-01"), "{words}");
    let (fine, words) = said(program(&world).args(["audit", "export", "--actor", "nobody"])).await;
    assert!(!fine && words.contains("nobody here is called 'nobody'"), "{words}");
}

#[tokio::test]
async fn settings_and_targets_are_set_with_their_types_and_on_the_record() {
    let world = World::new().await;
    let set = async |args: &[&str]| {
        let mut command = program(&world);
        command.args(["setting", "set"]).args(args);
        said(&mut command).await
    };
    for (args, told) in [
        (&["min_mer", "2.5"][..], "min_mer is 2.5"),
        (&["brand_terms", "fernhill, fern hill"], "brand_terms is fernhill, fern hill"),
        (&["hourly_limits", "{\"queries\": 500}"], "hourly_limits is {\"queries\":500}"),
        (&["allow_self_approval", "true"], "allow_self_approval is true"),
        (&["monthly_budget", "20000"], "monthly_budget is 20000"),
        (&["monthly_budget", "default"], "monthly_budget is none"),
        (&["max_net_increase_per_day", "1000"], "max_net_increase_per_day is 1000"),
        // 500 US dollars, in the organisation's euros.
        (&["max_net_increase_per_day", "default"], "max_net_increase_per_day is 440"),
        (&["target.roas", "4"], "target.roas is 4 from "),
        (&["target.ctr", "2.5%"], "target.ctr is 0.025 from "),
        (&["target.leads", "40", "--per", "week"], "target.leads is 40 a week from "),
    ] {
        let (fine, words) = set(args).await;
        assert!(fine && words.contains(told), "{args:?}: {words}");
    }
    for (args, told) in [
        (&["min_mre", "2.5"][..], "there is no setting 'min_mre'; there are: break_even_roas"),
        (&["min_mer", "two"], "min_mer must be a decimal number from 0; it is 2.5 now"),
        (&["min_mer", "-1"], "min_mer must be a decimal number from 0"),
        (&["cooldown_hours", "9999999999"], "cooldown_hours must be a whole number from 0 to 2160"),
        (&["tier_limits", r#"{"low": "20000"}"#], "none below the one before"),
        (&["execution_mode", r#"{"google_ads": "of"}"#], "off, dry_run or live by platform"),
        (&["cooldown_hours", "soon"], "cooldown_hours cannot be 'soon'; write JSON, such as 24"),
        (&["draft_ttl_days", "0"], "draft_ttl_days must be a whole number from 1 to 90"),
        (&["step_up_tier", "huge"], "step_up_tier must be low, medium, high or critical"),
        (&["hourly_limits", "{\"quries\": 5}"], "hourly_limits must be an object of amounts for queries"),
        (&["min_mer", "3", "--per", "day"], "--per belongs to the target of a metric"),
        (&["target.raos", "4"], "there is no metric 'raos'; did you mean 'roas'"),
        (&["target.roas", "high"], "cannot be 'high'; write a number"),
        (&["target.roas", "40%"], "is no share"),
        (&["target.roas", "4", "--per", "day"], "is no amount"),
    ] {
        let (fine, words) = set(args).await;
        assert!(!fine && words.contains(told), "{args:?}: {words}");
    }
    let (fine, words) = said(program(&world).args(["setting", "list"])).await;
    let line = |key: &str| {
        let found = words.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap_or_default();
        found.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert!(fine, "{words}");
    assert_eq!(line("min_mer"), "2.5 set");
    assert_eq!(line("monthly_budget"), "none default");
    assert_eq!(line("target.roas"), "4 set");
    assert_eq!(line("target.leads"), "40 a week set");
    assert_eq!(line("target.ltv_12m"), "450 default");
    let mut tx = world.db.org(world.org).await.unwrap();
    let entries = audit::list(&mut tx, world.org, &Filter::default(), 0, 100).await.unwrap();
    let changed: Vec<_> = entries.iter().filter(|entry| entry.action == "settings.changed").collect();
    assert_eq!(changed.len(), 11);
    let roas = changed.iter().find(|entry| entry.object_id == "target.roas").unwrap();
    assert_eq!(roas.before, Some(json!({"target.roas": {"target": "3.5", "per": null}})));
    assert_eq!(roas.after, Some(json!({"target.roas": {"target": "4", "per": null}})));
}

/// Before anything is started: no database, no port.
#[tokio::test]
async fn a_workspace_that_talks_in_two_ways_is_refused() {
    let world = World::new().await;
    let demo = |words: &[&str]| {
        let mut command = program(&world);
        command.args(["demo", "--fake-slack"]).args(words);
        command
    };
    let (fine, words) = said(&mut demo(&["http", "socket"])).await;
    assert!(!fine && words.contains("--fake-slack takes one of 'http' and 'socket', not two"), "{words}");
    let (fine, words) = said(&mut demo(&["127.0.0.1:9000", "127.0.0.1:9001"])).await;
    assert!(!fine && words.contains("--fake-slack takes one address, not two"), "{words}");
}

#[tokio::test]
async fn a_metric_of_ones_own_is_added_listed_and_taken_away() {
    let world = World::new().await;
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("metric-{}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    let metric = |words: &[&str]| {
        let mut command = program(&world);
        command.arg("metric").args(words).env("ADJUTANT_TOOLS__OVERLAY", &folder);
        command
    };
    let add = |formula: &'static str| {
        metric(&["add", "margin_per_click", "--from", "ads", "--formula", formula, "--unit", "money"])
    };
    let (fine, words) = said(&mut add("(revenue - costs) / clicks")).await;
    assert!(!fine && words.contains("at character 12: 'costs' is no column of ads"), "{words}");
    let (fine, words) = said(&mut add("(revenue - cost) / clicks")).await;
    assert!(fine && words.contains("margin_per_click is kept in"), "{words}");
    let (fine, words) = said(&mut metric(&["list"])).await;
    assert!(fine && words.contains("Σ (revenue − cost) / Σ clicks"), "{words}");
    let (fine, words) = said(&mut metric(&["list", "--all"])).await;
    assert!(fine && words.contains("eoq") && words.contains("needs stock levels"), "{words}");
    let (fine, words) = said(&mut metric(&["list", "--facts"])).await;
    assert!(fine && words.contains("visits and orders of the site: bounces, conversions"), "{words}");
    assert!(said(&mut metric(&["remove", "margin_per_click"])).await.0);
    let (fine, words) = said(&mut metric(&["remove", "margin_per_click"])).await;
    assert!(!fine && words.contains("there is no metric 'margin_per_click'"), "{words}");
}
