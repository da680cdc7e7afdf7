//! A connection from end to end, as an operator makes it with the real program.
use super::fake::{Fake, SECRET};
use super::plausible::SITES;
use super::rig::Case as _;
use crate::crash::program;
use crate::world::World;
use adjutant::db::vault::{Keyring, new_master_key};
use secrecy::{ExposeSecret as _, SecretString};
use std::process::Stdio;
use tokio::io::AsyncWriteExt as _;

async fn said(world: &World, fake: &Fake, key: &SecretString, args: &[&str], input: &str) -> (bool, String) {
    let mut command = program(world);
    command
        .args(args)
        .env("ADJUTANT_MASTER_KEY", key.expose_secret())
        .env("ADJUTANT_PLAUSIBLE_BASE_URL", &fake.url)
        .env("ADJUTANT_ALLOW_INSECURE_BASE_URLS", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that needs no input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    (output.status.success(), text)
}

#[tokio::test]
async fn an_operator_connects_reads_and_forgets_a_platform() {
    let world = World::new().await;
    let fake = Fake::start(SITES.platform()).await;
    let key = new_master_key(&mut rand::rng());
    let add = ["source", "add", "plausible", "--set", "site_id=fernhill.example", "--name", "Website"];
    let (fine, words) = said(&world, &fake, &key, &add[..3], "").await;
    assert!(!fine && words.contains("site_id") && words.contains("--set field=value"), "{words}");
    let (fine, words) = said(&world, &fake, &key, &add, "a-wrong-key\n").await;
    assert!(!fine && words.contains("the key was refused: Invalid API key or site ID."), "{words}");
    let on_the_line = format!("api_key={}", "visible");
    let visible = [&add[..], &["--set", &on_the_line]].concat();
    let (fine, words) = said(&world, &fake, &key, &visible, "").await;
    assert!(!fine && words.contains("ADJUTANT_SOURCE_API_KEY"), "{words}");
    let secret = format!("{SECRET}\n");
    let (fine, words) = said(&world, &fake, &key, &add, &secret).await;
    assert!(fine && words.contains("Website works: fernhill.example"), "{words}");
    let (fine, words) = said(&world, &fake, &key, &add, &secret).await;
    assert!(!fine && words.contains("there is a connection called 'Website' already"), "{words}");

    let (fine, words) = said(&world, &fake, &key, &["source", "sync", "website"], "").await;
    assert!(fine && words.contains("270 rows read, 270 written, 0 unchanged"), "{words}");
    let (fine, words) =
        said(&world, &fake, &key, &["source", "sync", "plausible", "--stream", "site"], "").await;
    assert!(fine && words.contains("9 rows read, 0 written, 9 unchanged"), "{words}");
    let (fine, words) = said(&world, &fake, &key, &["source", "check", "Website"], "").await;
    assert!(fine && words.contains("Website works"), "{words}");
    let (fine, words) = said(&world, &fake, &key, &["source", "list"], "").await;
    assert!(fine && words.contains("connected") && words.contains("succeeded"), "{words}");

    // A second organisation of the same database has a connection too.
    world.other_org().await;
    let (fine, words) =
        said(&world, &fake, &key, &[&["--org", "lakeside"][..], &add[..]].concat(), &secret).await;
    assert!(fine, "{words}");

    // Another key opens nothing, until the secrets are sealed with it.
    let new = new_master_key(&mut rand::rng());
    let (fine, words) =
        said(&world, &fake, &new, &["--org", "alpine", "source", "check", "Website"], "").await;
    assert!(!fine && words.contains("ADJUTANT_OLD_MASTER_KEY"), "{words}");
    let mut rotate = program(&world);
    rotate.args(["key", "rotate"]).env("ADJUTANT_MASTER_KEY", new.expose_secret());
    let output = rotate.env("ADJUTANT_OLD_MASTER_KEY", key.expose_secret()).stdout(Stdio::piped()).output();
    let output = output.await.unwrap();
    let name = Keyring::new(&new, None).unwrap().key_id().to_owned();
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(
        words.contains(&format!("the secrets of 2 connections are sealed with the key {name}")),
        "{words}"
    );
    let (fine, words) =
        said(&world, &fake, &new, &["--org", "alpine", "source", "check", "Website"], "").await;
    assert!(fine, "{words}");
    let (fine, words) =
        said(&world, &fake, &new, &["--org", "lakeside", "source", "check", "Website"], "").await;
    assert!(fine, "{words}");
    let (fine, words) =
        said(&world, &fake, &key, &["--org", "alpine", "source", "check", "Website"], "").await;
    assert!(!fine, "{words}");

    let (fine, words) =
        said(&world, &fake, &new, &["--org", "alpine", "source", "remove", "Website"], "").await;
    assert!(fine && words.contains("its facts stay"), "{words}");
    let mut tx = world.db.org(world.org).await.unwrap();
    let left: (i64, i64) =
        sqlx::query_as("select (select count(*) from sources), (select count(*) from daily_metrics)")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    assert_eq!(left.0, 0);
    assert!(left.1 >= 270);
    let acts: Vec<String> =
        sqlx::query_scalar("select action from audit_log order by seq").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(acts, ["source.added", "key.rotated", "source.removed"]);
}

#[tokio::test]
async fn without_a_master_key_the_words_say_how_to_make_one() {
    let world = World::new().await;
    let mut command = program(&world);
    command.args(["source", "add", "plausible", "--set", "site_id=fernhill.example"]);
    let output = command.env("ADJUTANT_SOURCE_API_KEY", SECRET).output().await.unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && words.contains("openssl rand -base64 32"), "{words}");
}
