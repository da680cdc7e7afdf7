//! Whatever goes wrong in whatever order, in the end the thread holds the answer once, and one foot.
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Say(String),
    Withdraw,
    Pass(i64),
    Luck(Luck),
    /// The process dies after so many more calls were begun; `done`: the last of them reached Slack.
    Die {
        done: bool,
    },
    EndStreams,
}

fn step() -> impl Strategy<Value = Step> {
    let luck = prop_oneof![
        Just(Luck::Good),
        Just(Luck::Unheard),
        Just(Luck::Nothing),
        Just(Luck::Limited),
        Just(Luck::Ended)
    ];
    prop_oneof![
        4 => "[a-z ]{1,40}\n?".prop_map(Step::Say),
        1 => Just(Step::Withdraw),
        2 => (0i64..300).prop_map(Step::Pass),
        4 => luck.prop_map(Step::Luck),
        2 => any::<bool>().prop_map(|done| Step::Die { done }),
        1 => Just(Step::EndStreams),
    ]
}

impl Thread {
    /// Says all text that is there, letting time pass.
    pub fn finish_text(&mut self) -> &mut Self {
        for _ in 0..60 {
            self.later(1);
        }
        self
    }

    /// Dies while a call is under way.
    fn die(&mut self, done: bool, limits: Limits) {
        if let Next::Call(call) = self.show.next(self.now) {
            self.kept = self.show.position();
            if done {
                self.apply(&call);
            }
        }
        self.restart(limits);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_answer_stands_once(steps in prop::collection::vec(step(), 1..40), part in 30usize..200, may_stream in any::<bool>()) {
        let limits = Limits { part, buffer: 20, ..Limits::default() };
        let mut thread = Thread::with(limits.clone());
        if !may_stream {
            thread.refuse.push(("start", "not_allowed"));
        }
        let mut answer = String::new();
        for step in steps {
            match step {
                Step::Say(piece) => {
                    answer.push_str(&piece);
                    thread.hear(text(&piece)).run();
                }
                Step::Withdraw => {
                    answer = "anew ".to_owned();
                    thread.hear(anew(&answer)).run();
                }
                Step::Pass(seconds) => { thread.later(seconds); }
                Step::Luck(luck) => thread.luck.push_back(luck),
                Step::Die { done } => thread.die(done, limits.clone()),
                Step::EndStreams => thread.said.iter_mut().for_each(|said| said.streaming = false),
            }
        }
        thread.luck.clear();
        thread.hear(completed(&answer)).finish();
        prop_assert_eq!(thread.over, Some(true));
        // Space at the ends of messages is of no account.
        let words = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(words(&thread.whole()), words(&answer), "{:#?}", thread.calls);
        prop_assert_eq!(thread.feet(), 1, "{:#?}\n{:?}", thread.calls, thread.said);
        prop_assert!(thread.said.iter().all(|said| !said.streaming && !said.stop), "{:#?}\n{:?}", thread.calls, thread.said);
        prop_assert_eq!(thread.status.as_str(), "");
        let longest = thread.said.iter().map(|said| said.text.chars().count()).max().unwrap_or(0);
        prop_assert!(longest <= part);
    }
}
