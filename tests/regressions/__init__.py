"""Twenty mistakes that were found in other installers and log viewers, each as a test that fails when we make it, too.

`pytest -k test_07` runs the seventh; `test_all_twenty_are_there` counts them.

 1 nobody who may not see a run gets a line of it by its socket     access.py
 2 no page of another site opens the socket                         access.py
 3 no address holds a token                                         access.py
 4 no page, file, log or bundle holds a secret in any form          secrets.py
 5 what is called encrypted cannot be read from a dump              secrets.py
 6 no key is left on disk, neither after a run nor after a crash    secrets.py
 7 a killed server leaves a truthful state, and buttons that work   killed.py
 8 after a cancel nothing of a command is left anywhere             killed.py
 9 a cancel or a kill keeps the log                                 killed.py
10 a browser that was closed finds the run finished                 watching.py
11 a burst reaches a slow and a fast browser alike                  watching.py
12 a socket that is cut every three seconds loses nothing           watching.py
13 a log of a million lines opens, searches and jumps               watching.py
14 no output, however odd, harms anything                           output.py
15 a drawing that moves is stored as one line                       output.py
16 two people who press at once make one run                        attempts.py
17 nobody opens or presses what belongs to somebody else            access.py
18 nothing that failed is shown as waiting                          attempts.py
19 a retry does nothing again without saying so                     attempts.py
20 a full disk or a database that is away loses nothing silently    storage.py
"""
