//! The program `pop3-testkit`.

fn main() -> std::process::ExitCode {
    pop3_testkit::program::main()
}
