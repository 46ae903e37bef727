use std::{pin::Pin, task::Context};

use super::*;
use crate::Limits;

const WAIT: Duration = Duration::from_secs(60);

fn turns(count: usize) -> Arc<Turns> {
    Turns::new(count, WAIT, Arc::new(Penalties::new(&Limits::default())))
}

fn from(address: &str) -> Waiting {
    Waiting { address: address.parse().unwrap(), name: None, is_half_closed: false }
}

fn fail(turns: &Turns, address: &str) {
    turns.penalties.fail(address.parse().unwrap(), None, None, Instant::now());
}

type Taking = Pin<Box<dyn Future<Output = Result<Turn, Busy>>>>;

/// Logins in a line, in this order.
fn line(turns: &Arc<Turns>, logins: impl IntoIterator<Item = Waiting>) -> Vec<Taking> {
    let start = |login| {
        let turns = Arc::clone(turns);
        let mut taking: Taking = Box::pin(async move { turns.take(login).await });
        assert!(is_pending(&mut taking));
        taking
    };
    logins.into_iter().map(start).collect()
}

fn is_pending(taking: &mut Taking) -> bool {
    taking.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending()
}

/// The order in which they have their turn, each turn ended at once.
fn order(first: Turn, mut line: Vec<Taking>) -> Vec<usize> {
    let mut order = Vec::new();
    let mut turn = Some(first);
    while order.len() < line.len() {
        drop(turn.take());
        for (index, taking) in
            line.iter_mut().enumerate().filter(|(index, _)| !order.contains(index)).collect::<Vec<_>>()
        {
            let polled = taking.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
            if let std::task::Poll::Ready(taken) = polled {
                turn = Some(taken.unwrap());
                order.push(index);
                break;
            }
        }
    }
    order
}

#[tokio::test]
async fn networks_take_turns() {
    let turns = turns(1);
    let first = turns.take(from("192.0.2.1")).await.unwrap();
    let many = (0..5).map(|_| from("192.0.2.1"));
    // The fourth network of 64 bits is in the network of 48 bits of the third.
    let others = ["192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1::1"].map(from);
    let line = line(&turns, many.chain(others));
    assert_eq!(order(first, line), [0, 5, 6, 8, 1, 7, 2, 3, 4]);
    assert!(turns.state().waiting.is_empty());
    assert_eq!(turns.state().free, 1);
}

#[tokio::test]
async fn without_a_recent_failure_first() {
    let turns = turns(1);
    let first = turns.take(from("192.0.2.1")).await.unwrap();
    fail(&turns, "192.0.2.1");
    let named = |address, name: &str| Waiting { name: Some(name.into()), ..from(address) };
    turns.penalties.fail("192.0.2.9".parse().unwrap(), Some("alice"), None, Instant::now());
    let line = line(
        &turns,
        [
            named("192.0.2.1", "alice"),
            named("192.0.2.1", "bob"),
            named("192.0.2.2", "alice"),
            Waiting { is_half_closed: true, ..named("192.0.2.3", "bob") },
            named("192.0.2.4", "bob"),
        ],
    );
    // Bob's from a good address first; then one reason for doubt, then two.
    assert_eq!(order(first, line), [4, 1, 2, 3, 0]);
}

#[tokio::test]
async fn a_failure_counts_for_those_that_wait_already() {
    let turns = turns(1);
    let first = turns.take(from("192.0.2.1")).await.unwrap();
    let line = line(&turns, [from("192.0.2.1"), from("192.0.2.1"), from("192.0.2.2")]);
    fail(&turns, "192.0.2.1");
    assert_eq!(order(first, line), [2, 0, 1]);
}

#[tokio::test]
async fn few_wait_from_an_address_that_guesses() {
    let turns = turns(1);
    let first = turns.take(from("192.0.2.1")).await.unwrap();
    fail(&turns, "192.0.2.1");
    let waiting = line(&turns, (0..FEW).map(|_| from("192.0.2.1")));
    assert_eq!(turns.take(from("192.0.2.1")).await.unwrap_err(), Busy::Address);
    let other = line(&turns, (0..4 * FEW).map(|_| from("192.0.2.2")));
    // Those that give up make room, and cost nobody a turn.
    drop((waiting, other));
    let last = line(&turns, [from("192.0.2.1")]);
    assert_eq!(order(first, last), [0]);
    assert_eq!(turns.state().free, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_has_an_end() {
    let turns = turns(2);
    let _held = [turns.take(from("192.0.2.1")).await.unwrap(), turns.take(from("192.0.2.1")).await.unwrap()];
    assert_eq!(turns.take(from("192.0.2.2")).await.unwrap_err(), Busy::Server);
    assert!(turns.state().waiting.is_empty());
}

#[tokio::test]
async fn a_turn_that_comes_too_late_goes_to_the_next() {
    let turns = turns(1);
    let first = turns.take(from("192.0.2.1")).await.unwrap();
    let mut line = line(&turns, [from("192.0.2.1"), from("192.0.2.1")]);
    drop(first);
    // The first of the line has its turn, and was given up before it looked.
    drop(line.remove(0));
    assert!(!is_pending(&mut line[0]));
}
