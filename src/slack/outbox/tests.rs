use super::*;

/// Always the largest number, or the smallest.
struct Fixed(u64);

impl rand::TryRng for Fixed {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::try_from(self.0 & 0xffff_ffff).unwrap())
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0)
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(0);
        Ok(())
    }
}

#[test]
fn pauses_double_up_to_a_limit_and_lie_anywhere_below_it() {
    let longest = |attempts: i32| {
        let most = SHORTEST.saturating_mul(1 << attempts.clamp(0, 16)).min(LONGEST);
        backoff(attempts, &mut Fixed(u64::try_from(most.as_millis()).unwrap() - 1))
    };
    let seconds: Vec<u64> = [0, 1, 2, 5, 9, 20, 100].map(|n| (longest(n).as_millis() as u64) / 1000).into();
    assert_eq!(seconds, [1, 2, 4, 32, 300, 300, 300]);
    assert_eq!(backoff(9, &mut Fixed(0)), Duration::from_millis(100));
    assert_eq!(backoff(-1, &mut Fixed(0)), Duration::from_millis(100));
}
