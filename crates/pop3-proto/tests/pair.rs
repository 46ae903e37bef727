//! The client machine and the server machine on one wire that cuts octets anywhere, against a simple model
//! of a maildrop.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails should panic"
)]

mod pair_of;

use pair_of::{
    machines::{Pair, command},
    model::{Model, Op, any_op},
};
use pop3_proto::types::{Command, Secret};
use proptest::prelude::*;

/// How the client gets in.
#[derive(Debug, Clone, Copy)]
enum Login {
    Password,
    Apop,
    Plain { has_initial: bool },
}

#[derive(Debug, Clone)]
struct Plan {
    is_stls: bool,
    is_wrong_first: bool,
    login: Login,
    ops: Vec<Op>,
    is_quit: bool,
    is_pipelining: bool,
    sizes: Vec<usize>,
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let login = prop_oneof![
        Just(Login::Password),
        Just(Login::Apop),
        any::<bool>().prop_map(|has_initial| Login::Plain { has_initial }),
    ];
    let size = prop_oneof![1..4usize, 1..100usize, Just(100_000)];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, login, prop::collection::vec(any_op(), 0..30), prop::collection::vec(size, 1..9)).prop_map(
        |((is_stls, is_wrong_first, is_quit, is_pipelining), login, ops, sizes)| Plan {
            is_stls,
            is_wrong_first,
            login,
            ops,
            is_quit,
            is_pipelining,
            sizes,
        },
    )
}

fn log_in(pair: &mut Pair, login: Login, is_right: bool) -> String {
    match login {
        Login::Password => {
            assert_eq!(pair.ask(&Command::User("mrose".into())), "ok");
            let password = if is_right { "secret" } else { "wrong" };
            pair.ask(&Command::Pass(Secret::new(password.into())))
        }
        Login::Apop => {
            let digest = if is_right { [7; 16] } else { [8; 16] };
            pair.ask(&Command::Apop { name: "mrose".into(), digest })
        }
        Login::Plain { has_initial } => {
            let password: &[u8] = if is_right { b"\0mrose\0secret" } else { b"\0mrose\0wrong" };
            pair.log_in_with_plain(password, has_initial)
        }
    }
}

fn play(plan: &Plan) {
    let mut pair = Pair::new(plan.is_pipelining, plan.sizes.clone());
    if plan.is_stls {
        assert_eq!(pair.ask(&Command::Stls), "ok");
        assert!(!pair.ask(&Command::Capa).contains("Stls"));
    }
    if plan.is_wrong_first {
        assert_eq!(log_in(&mut pair, plan.login, false), "err");
    }
    assert_eq!(log_in(&mut pair, plan.login, true), "ok");
    let mut model = Model::default();
    let mut waiting = Vec::new();
    for &op in &plan.ops {
        waiting.push((op, pair.send(&command(op)), model.answer(op)));
    }
    let quit = plan.is_quit.then(|| pair.send(&Command::Quit));
    for (op, id, expected) in waiting {
        assert_eq!(pair.answer(id), expected, "{op:?}");
    }
    if let Some(id) = quit {
        assert_eq!(pair.answer(id), "ok");
        assert_eq!(pair.removed, Some(model.marked.into_iter().collect()));
        assert!(pair.is_closed);
    } else {
        assert_eq!(pair.removed, None, "without QUIT nothing is removed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    // Conformance: P-1939-01, S-1939-10, S-1939-15, S-1939-16, S-1939-19, S-1939-26, S-1939-28, S-1939-32, S-1939-33, S-1939-36, S-1939-37, S-1939-39, S-1939-41, S-1939-47, S-2449-13, S-2449-14, C-2449-05, A-17, A-29, A-31, A-32
    #[test]
    fn both_machines_do_what_the_model_says(plan in any_plan()) {
        play(&plan);
    }
}

// Conformance: S-2449-15, C-2449-06
#[test]
fn neither_side_waits_for_the_other_for_ever() {
    // More answers than any buffer holds, on a wire of one octet, with all that may be outstanding.
    let ops: Vec<Op> =
        (0..300).map(|round| if round % 2 == 0 { Op::Retr(1) } else { Op::List(None) }).collect();
    let plan = Plan {
        is_stls: false,
        is_wrong_first: false,
        login: Login::Password,
        ops,
        is_quit: true,
        is_pipelining: true,
        sizes: vec![1],
    };
    play(&plan);
}
