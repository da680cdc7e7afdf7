//! The command line as a person types it, with the real program.
use crate::crash::{Program, program};
use crate::world::World;
use adjutant::db::audit::{self, Filter};
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
    assert!(fine, "{words}");
    let mut tx = world.db.org(world.org).await.unwrap();
    let entries = audit::list(&mut tx, world.org, &Filter::default(), 0, 100).await.unwrap();
    let role = entries.iter().find(|e| e.action == "role.changed").unwrap();
    assert_eq!(role.before, Some(json!({"role": null, "grants": []})));
    assert_eq!(role.after, Some(json!({"role": "approver", "grants": ["operator"]})));
    let actions: Vec<_> = entries.iter().map(|e| e.action.as_str()).collect();
    assert!(actions.contains(&"session.confirmed"), "{actions:?}");
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
