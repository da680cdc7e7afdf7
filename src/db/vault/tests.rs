use super::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

fn key(byte: u8) -> SecretString {
    SecretString::from(STANDARD.encode([byte; KEY_BYTES]))
}

#[test]
fn a_secret_opens_only_with_its_key_in_its_row_and_field() {
    let mut rng = StdRng::seed_from_u64(1);
    let ring = Keyring::new(&key(1), None).unwrap();
    let sealed = ring.seal("row", "api_key", &SecretString::from("canary"), &mut rng).unwrap();
    assert!(!sealed.windows(6).any(|part| part == b"canary"));
    let open = |ring: &Keyring, row, field, sealed: &[u8]| ring.open(ring.key_id(), row, field, sealed);
    assert_eq!(open(&ring, "row", "api_key", &sealed).unwrap().expose_secret(), "canary");
    for (row, field) in [("other", "api_key"), ("row", "token")] {
        assert!(matches!(open(&ring, row, field, &sealed), Err(VaultError::Damaged(_))));
    }
    let mut flipped = sealed.clone();
    flipped[20] ^= 1;
    assert!(open(&ring, "row", "api_key", &flipped).is_err());
    assert!(open(&ring, "row", "api_key", &sealed[..5]).is_err());
    let again = ring.seal("row", "api_key", &SecretString::from("canary"), &mut rng).unwrap();
    assert_ne!(sealed, again, "a nonce is used once");
}

#[test]
fn an_old_key_opens_and_no_longer_seals() {
    let mut rng = StdRng::seed_from_u64(2);
    let before = Keyring::new(&key(1), None).unwrap();
    let sealed = before.seal("row", "f", &SecretString::from("canary"), &mut rng).unwrap();
    let after = Keyring::new(&key(2), Some(&key(1))).unwrap();
    assert_eq!(after.open(before.key_id(), "row", "f", &sealed).unwrap().expose_secret(), "canary");
    assert_ne!(after.key_id(), before.key_id());
    let alone = Keyring::new(&key(2), None).unwrap();
    let error = alone.open(before.key_id(), "row", "f", &sealed).unwrap_err().to_string();
    assert!(error.contains("ADJUTANT_OLD_MASTER_KEY"), "{error}");
}

#[test]
fn a_bad_key_says_how_to_make_one() {
    let error = Keyring::new(&SecretString::from("short"), None).err().unwrap().to_string();
    assert!(error.contains("openssl rand -base64 32") && !error.contains("short"), "{error}");
    let made = new_master_key(&mut StdRng::seed_from_u64(3));
    assert!(Keyring::new(&made, None).is_ok());
}
