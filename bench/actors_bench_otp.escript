#!/usr/bin/env escript
%%! +P 2000000
%% The rows of actors_bench.py on Erlang/OTP: WHAT COUNT prints one figure.
-mode(compile).
-export([main/1, init/1, handle_call/3, handle_cast/2, start_child/0]).

main([What, Count]) ->
    io:format("~.12f~n", [float(measure(What, list_to_integer(Count)))]).

%% Messages a second to one process, until the last has been handled.
measure("tell", Count) ->
    {ok, Pid} = gen_server:start(?MODULE, server, []),
    Count / seconds(fun() ->
        tell(Pid, Count),
        last = gen_server:call(Pid, last, 60000)
    end);
%% Calls a second, one after another, each with the default timeout of 5 s.
measure("ask", Count) ->
    {ok, Pid} = gen_server:start(?MODULE, server, []),
    Count / seconds(fun() -> ask(Pid, Count) end);
%% gen_servers started a second, each through its handshake.
measure("start", Count) ->
    Count / seconds(fun() -> start(Count) end);
%% Seconds from the fatal message to the successor's answer, under a supervisor. Reports are made, and there is no handler to write them.
measure("crash", Count) ->
    logger:remove_handler(default),
    process_flag(trap_exit, true),
    register(client, self()),
    {ok, _Supervisor} = supervisor:start_link(?MODULE, {supervisor, Count + 1}),
    First = receive {started, Pid} -> Pid end,
    seconds(fun() -> crash(First, Count) end) / Count;
%% Bytes for one idle gen_server that has handled a message.
measure("memory", Count) ->
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Pids = [begin {ok, Pid} = gen_server:start(?MODULE, server, []), gen_server:cast(Pid, x), Pid end
            || _ <- lists:seq(1, Count)],
    last = gen_server:call(lists:last(Pids), last),
    timer:sleep(1000),
    (erlang:memory(total) - Before) / Count.

seconds(Work) ->
    Began = erlang:monotonic_time(nanosecond),
    Work(),
    (erlang:monotonic_time(nanosecond) - Began) / 1.0e9.

tell(_Pid, 0) -> ok;
tell(Pid, Count) -> gen_server:cast(Pid, Count), tell(Pid, Count - 1).

ask(_Pid, 0) -> ok;
ask(Pid, Count) -> Count = gen_server:call(Pid, Count), ask(Pid, Count - 1).

start(0) -> ok;
start(Count) -> {ok, _} = gen_server:start(?MODULE, server, []), start(Count - 1).

crash(_Pid, 0) -> ok;
crash(Pid, Count) ->
    gen_server:cast(Pid, crash),
    Successor = receive {started, Started} -> Started end,
    there = gen_server:call(Successor, there),
    crash(Successor, Count - 1).

start_child() -> gen_server:start_link(?MODULE, child, []).

init({supervisor, Intensity}) ->
    Child = #{id => fragile, start => {?MODULE, start_child, []}},
    {ok, {#{strategy => one_for_one, intensity => Intensity, period => 1}, [Child]}};
init(child) ->
    client ! {started, self()},
    {ok, 0};
init(server) ->
    {ok, 0}.

handle_call(Message, _From, Count) -> {reply, Message, Count + 1}.

handle_cast(crash, _Count) -> error(crash);
handle_cast(_Message, Count) -> {noreply, Count + 1}.
