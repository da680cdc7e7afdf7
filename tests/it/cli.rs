//! The command line as a person types it, with the real program.
use crate::crash::{Program, program};
use crate::world::World;
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
