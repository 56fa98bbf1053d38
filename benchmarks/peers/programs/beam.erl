%% The seven core workloads on BEAM, the far reference: the protocols and the checks of benchmarks/workloads.
%% Arguments: a workload, its numbers, the repetitions, separated by commas. Prints a line of JSON for each.
-module(beam).
-export([main/1]).

main(Jobs) ->
    lists:foreach(fun perform/1, Jobs),
    halt(0).

perform(Job) ->
    [Name | Numbers] = string:tokens(atom_to_list(Job), ","),
    {Size, [Repetitions]} = lists:split(length(Numbers) - 1, [list_to_integer(N) || N <- Numbers]),
    Runs = [timed(list_to_atom(Name), Size) || _ <- lists:seq(1, Repetitions)],
    io:format("{\"workload\": \"~s\", \"seconds\": [~s], \"answers\": [~s]}~n",
              [Name,
               string:join([float_to_list(Seconds, [{decimals, 6}]) || {Seconds, _} <- Runs], ", "),
               string:join([integer_to_list(Answer) || {_, Answer} <- Runs], ", ")]).

%% Each run in a process of its own, whose heap and mailbox end with it.
timed(Name, Size) ->
    Me = self(),
    spawn_link(fun() ->
        Start = erlang:monotonic_time(microsecond),
        Answer = run(Name, Size),
        Me ! {done, (erlang:monotonic_time(microsecond) - Start) / 1.0e6, Answer}
    end),
    receive {done, Seconds, Answer} -> {Seconds, Answer} end.

run(pingpong, [Rounds]) ->
    Ponger = spawn(fun() -> ponger(0) end),
    Right = pings(Ponger, 1, Rounds, 0),
    Ponger ! stop,
    Right;
run(counting, [Increments]) ->
    Counter = spawn(fun() -> counter(0) end),
    flood(Counter, Increments),
    Counter ! {total, self()},
    receive {total, Total} -> Total end;
run(fjthrput, [Actors, Messages]) ->
    Me = self(),
    Workers = [spawn(fun() -> worker(Me, 0) end) || _ <- lists:seq(1, Actors)],
    round_robin(Workers, Messages),
    [Worker ! stop || Worker <- Workers],
    collect(Actors, 0);
run(fjcreate, [Actors]) ->
    Me = self(),
    [spawn(fun() -> receive _ -> work() end, Me ! {handled, 1} end) ! go || _ <- lists:seq(1, Actors)],
    collect(Actors, 0);
run(threadring, [Actors, Hops]) ->
    Me = self(),
    [First | _] = Nodes = [spawn(fun() -> node_setup(Place, Actors, Me) end) || Place <- lists:seq(0, Actors - 1)],
    link_ring(Nodes, First),
    First ! Hops,
    Last = receive {last, Place} -> Place end,
    true = collect(Actors, 0) =:= Hops + 1,
    Last;
run(chameneos, [Creatures, Meetings]) ->
    Me = self(),
    Mall = spawn(fun() -> mall(none, Meetings, Creatures, Me) end),
    [spawn(fun() -> Mall ! {meet, Place rem 3, self()}, creature(Place rem 3, 0, Mall) end)
     || Place <- lists:seq(1, Creatures)],
    collect(Creatures, 0);
run(big, [Workers, Pings]) ->
    Me = self(),
    Pids = [spawn(fun() -> big_setup(Number, Workers, Pings, Me) end) || Number <- lists:seq(0, Workers - 1)],
    All = list_to_tuple(Pids),
    [Pid ! {all, All} || Pid <- Pids],
    [Pid ! start || Pid <- Pids],
    Right = collect(Workers, 0),
    [Pid ! stop || Pid <- Pids],
    Right.

%% Add up what so many processes report.
collect(0, Sum) -> Sum;
collect(Left, Sum) -> receive {handled, Count} -> collect(Left - 1, Sum + Count) end.

work() ->
    math:pow(math:sin(37.2), 2).

ponger(Pings) ->
    receive
        {ping, From} -> From ! {pong, Pings + 1}, ponger(Pings + 1);
        stop -> ok
    end.

pings(_, Number, Rounds, Right) when Number > Rounds -> Right;
pings(Ponger, Number, Rounds, Right) ->
    Ponger ! {ping, self()},
    receive
        {pong, Number} -> pings(Ponger, Number + 1, Rounds, Right + 1);
        {pong, _} -> pings(Ponger, Number + 1, Rounds, Right)
    end.

counter(Total) ->
    receive
        increment -> counter(Total + 1);
        {total, From} -> From ! {total, Total}
    end.

flood(_, 0) -> ok;
flood(Counter, Left) -> Counter ! increment, flood(Counter, Left - 1).

worker(Parent, Handled) ->
    receive
        go -> work(), worker(Parent, Handled + 1);
        stop -> Parent ! {handled, Handled}
    end.

round_robin(_, 0) -> ok;
round_robin(Workers, Left) -> [Worker ! go || Worker <- Workers], round_robin(Workers, Left - 1).

link_ring([Last], First) -> Last ! {next, First};
link_ring([Node, Next | Rest], First) -> Node ! {next, Next}, link_ring([Next | Rest], First).

node_setup(Place, Actors, Main) ->
    receive {next, Next} -> node_loop(Place, Actors, Main, Next, 0) end.

node_loop(Place, Actors, Main, Next, Tokens) ->
    receive
        0 -> Main ! {last, Place}, Next ! -Actors, node_loop(Place, Actors, Main, Next, Tokens + 1);
        Token when Token > 0 -> Next ! Token - 1, node_loop(Place, Actors, Main, Next, Tokens + 1);
        -1 -> Main ! {handled, Tokens};
        Token -> Next ! Token + 1, Main ! {handled, Tokens}
    end.

mall(_, _, 0, _) -> ok;
mall(Waiting, Left, Creatures, Main) ->
    receive
        {meet, _, Who} when Left =:= 0 -> Who ! closed, mall(Waiting, Left, Creatures, Main);
        {meet, _, Who} when Waiting =:= none -> mall(Who, Left, Creatures, Main);
        {meet, _, _} = Meet -> Waiting ! Meet, mall(none, Left - 1, Creatures, Main);
        {report, Meetings} -> Main ! {handled, Meetings}, mall(Waiting, Left, Creatures - 1, Main)
    end.

creature(Colour, Meetings, Mall) ->
    receive
        {meet, Other, Who} ->
            New = complement(Colour, Other),
            Who ! {change, New},
            Mall ! {meet, New, self()},
            creature(New, Meetings + 1, Mall);
        {change, New} -> Mall ! {meet, New, self()}, creature(New, Meetings + 1, Mall);
        closed -> Mall ! {report, Meetings}
    end.

complement(Colour, Colour) -> Colour;
complement(One, Other) -> 3 - One - Other.

big_setup(Number, Workers, Pings, Sink) ->
    receive {all, All} -> big_loop(Number, Workers, All, Sink, Pings, Number, none, 0) end.

big_loop(Number, Workers, All, Sink, Left, Random, Target, Right) ->
    receive
        {ping, From} ->
            element(From + 1, All) ! {pong, Number},
            big_loop(Number, Workers, All, Sink, Left, Random, Target, Right);
        {pong, Target} -> big_next(Number, Workers, All, Sink, Left, Random, Right + 1);
        {pong, _} -> big_next(Number, Workers, All, Sink, Left, Random, Right);
        start -> big_next(Number, Workers, All, Sink, Left, Random, Right);
        stop -> ok
    end.

big_next(Number, Workers, All, Sink, 0, Random, Right) ->
    Sink ! {handled, Right},
    big_loop(Number, Workers, All, Sink, 0, Random, none, Right);
big_next(Number, Workers, All, Sink, Left, Random, Right) ->
    Next = (1309 * Random + 13849) band 65535,
    Target = Next rem Workers,
    element(Target + 1, All) ! {ping, Number},
    big_loop(Number, Workers, All, Sink, Left - 1, Next, Target, Right).
