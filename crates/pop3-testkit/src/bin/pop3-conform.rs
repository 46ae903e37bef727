//! The program `pop3-conform`.

fn main() -> std::process::ExitCode {
    pop3_testkit::conform::program::main()
}
