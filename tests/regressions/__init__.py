"""Twenty bugs that were found in other installers and log viewers, each as a test that fails when we have it, too.

`pytest -k test_07` runs the seventh; `test_all_twenty.py` counts them.

 1 nobody who may not see a run gets a line of it by its socket       test_access.py
 2 no page of another site opens the socket                           test_access.py
 3 no address holds a token                                           test_access.py
 4 no page, file, log or bundle holds a secret in any form            test_secrets.py
 5 what is called encrypted cannot be read from a dump                test_secrets.py
 6 no key is left on disk, neither after a run nor after a crash      test_secrets.py
 7 a killed server leaves a truthful state, and buttons that work     test_killed.py
 8 after a cancel nothing of a command is left anywhere               test_killed.py
 9 a cancel or a kill keeps the log                                   test_killed.py
10 a browser that was closed finds the run finished                   test_in_browser.py
11 a burst reaches a slow and a fast browser alike                    test_watching.py
12 a socket that is cut every three seconds loses nothing             test_watching.py
13 a log of a million lines opens, searches and jumps                 test_in_browser.py
14 no output, however odd, harms anything                             test_in_browser.py
15 a drawing that moves is stored as one line                         test_output.py
16 two people who press at once make one run                          test_attempts.py
17 nobody opens or presses what belongs to somebody else              test_access.py
18 nothing that failed is shown as waiting                            test_attempts.py
19 a retry repeats nothing without reporting it                       test_attempts.py
20 a full disk or a database that is away loses nothing silently      test_storage.py
"""
